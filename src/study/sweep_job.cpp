// SPDX-License-Identifier: MIT
#include "study/sweep_job.h"

namespace tepui {

namespace {

InterveneRequest request_of(const SweepRequest& sweep, const StudyModel& model,
                            const StudyText& text) {
  InterveneRequest request;
  request.model = model.path;
  request.tokenizer = model.tokenizer;
  request.corpus = text.corpus;
  request.backend = sweep.backend;
  request.threads = sweep.threads;
  request.memory = sweep.memory;
  request.wave = sweep.wave;
  request.command = sweep.command;
  request.protocol = sweep.study.protocol;
  request.rule = sweep.study.rule;
  request.sites = sweep.study.sites;
  request.calibration = sweep.study.calibration;
  return request;
}

}  // namespace

Result<std::unique_ptr<OpenIntervention>> open_job(const SweepRequest& sweep,
                                                   const StudyModel& model, const StudyText& text,
                                                   Fingerprints& known) {
  InterveneRequest request = request_of(sweep, model, text);
  if (!sweep.study.branches.empty()) {
    // How many layers a model has is needed before its branches are; this reads no weights.
    TEPUI_TRY(const Model opened, open_model(model.path));
    request.branches = expand_branches(sweep.study, model, opened.spec.dims.layers);
  }
  request.unedited_alone = request.branches.empty() && request.protocol == Protocol::none;
  std::string& fingerprint = known[model.path.string()];
  request.model_fingerprint = fingerprint;
  auto open = OpenIntervention::open(request);
  if (open) {
    fingerprint = (*open)->input().model_fingerprint;
    return open;
  }
  Error error = open.error();
  if (error.kind == ErrorKind::usage)
    error.message = fmt::format("{} ({}, {})", error.message, model.place, text.place);
  return tl::unexpected(std::move(error));
}

}  // namespace tepui

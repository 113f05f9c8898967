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

// What is said of an option is true of the field that stands for it in the file.
std::string in_terms_of_the_file(const std::string& message, const Study& study,
                                 const StudyModel& model, const StudyText& text) {
  const std::string option = message.substr(0, message.find_first_of(": "));
  for (const StudyFields* fields : {&text.fields, &study.fields}) {
    const auto found = fields->find(option);
    if (found == fields->end()) continue;
    const auto& [place, key] = found->second;
    return fmt::format("{}: {}{}", place, key, message.substr(option.size()));
  }
  return fmt::format("{} ({} with {})", message, model.place, text.place);
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
    error.message = in_terms_of_the_file(error.message, sweep.study, model, text);
  return tl::unexpected(std::move(error));
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "study/probe_apply.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>

#include "exec/executor.h"
#include "models/site_width.h"
#include "study/probe_sources.h"
#include "study/run_plan.h"
#include "study/run_store.h"

namespace tepui {

namespace {

class NoObservations final : public RowSink {
 public:
  Status begin_unit(int /*first*/, int /*last*/) override { return {}; }
  Status add(const Observation& /*row*/) override { return {}; }
  Status add(const Series& /*row*/) override { return {}; }
  Status end_unit() override { return {}; }
};

// Rows that are held by others.
class BorrowedRows final : public RowSource {
 public:
  BorrowedRows(std::span<const float> values, int width) : values_(values), width_(width) {}
  std::int64_t rows() const override { return static_cast<std::int64_t>(values_.size()) / width_; }
  int width() const override { return width_; }
  Status read(std::int64_t first, std::int64_t count, std::span<float> to) const override {
    const auto width = static_cast<std::size_t>(width_);
    std::ranges::copy(values_.subspan(static_cast<std::size_t>(first) * width,
                                      static_cast<std::size_t>(count) * width),
                      to.begin());
    return {};
  }

 private:
  std::span<const float> values_;
  int width_;
};

class ApplyingRows final : public RowConsumer {
 public:
  ApplyingRows(std::vector<AppliedProbe>& probes, std::vector<std::size_t> first_token,
               ThreadPool& pool)
      : probes_(probes), first_token_(std::move(first_token)), pool_(pool) {}

  Status take(const RowBlock& block) override {
    TEPUI_TRY(check_finite_rows(block));
    for (AppliedProbe& one : probes_) {
      if (one.probe.point != block.point) continue;
      const TrainedProbe& trained = one.probe.trained;
      const std::size_t rows = block.rows.size() / static_cast<std::size_t>(block.width);
      std::vector<float> features(rows * static_cast<std::size_t>(trained.map.out_width()));
      trained.map.apply(block.rows, features);
      const BorrowedRows source(features, trained.map.out_width());
      TEPUI_TRY(const auto outputs, one.probe.classes.empty()
                                        ? outputs_of(trained.net, source, &pool_)
                                        : log_probabilities(trained.net, source, &pool_));
      const std::size_t each = outputs.size() / rows;
      const std::size_t at = first_token_[static_cast<std::size_t>(block.first_sequence)];
      std::ranges::copy(outputs, one.outputs.begin() + static_cast<std::ptrdiff_t>(at * each));
    }
    return {};
  }

 private:
  std::vector<AppliedProbe>& probes_;
  std::vector<std::size_t> first_token_;
  ThreadPool& pool_;
};

Result<std::vector<AppliedProbe>> read_all(const ApplyRequest& request) {
  std::vector<std::filesystem::path> files;
  for (const auto& path : request.probes) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    auto folder = std::filesystem::is_directory(path / "probes", error) ? path / "probes" : path;
    const std::size_t before = files.size();
    for (const auto& entry : std::filesystem::directory_iterator(folder, error))
      if (entry.path().extension() == ".json") files.push_back(entry.path());
    if (files.size() == before)
      return fail(ErrorKind::usage, "{}: expected probes, found none", path.string());
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(before), files.end());
  }
  std::vector<AppliedProbe> out;
  for (const auto& file : files) {
    AppliedProbe one;
    one.file = file.string();
    TEPUI_TRY(one.probe, read_probe_file(file));
    out.push_back(std::move(one));
  }
  return out;
}

// Where the target is known, in the probe's own classes; a class that it does not have counts as
// wrong only by being no choice of it, and is left out.
void score(AppliedProbe& one) {
  const std::size_t tokens =
      one.target.real() ? one.target.values.size() : one.target.labels.size();
  if (one.probe.classes.empty()) {
    std::vector<double> values;
    std::vector<double> predicted;
    for (std::size_t i = 0; i < tokens; ++i) {
      if (!one.target.has(i)) continue;
      values.push_back(one.target.values[i]);
      predicted.push_back(one.outputs[i]);
    }
    one.scored = static_cast<std::int64_t>(values.size());
    if (!values.empty()) one.values = value_scores(values, predicted);
    return;
  }
  std::vector<int> number;
  for (const std::string& name : one.target.classes) {
    const auto at = std::ranges::find(one.probe.classes, name);
    number.push_back(
        at == one.probe.classes.end() ? -1 : static_cast<int>(at - one.probe.classes.begin()));
  }
  const std::size_t k = one.probe.classes.size();
  std::vector<int> labels;
  std::vector<double> log_p;
  for (std::size_t i = 0; i < tokens; ++i) {
    const int own = one.target.has(i) ? number[static_cast<std::size_t>(one.target.labels[i])] : -1;
    one.known_class.push_back(own);
    if (own < 0) continue;
    labels.push_back(own);
    const auto row = one.outputs.begin() + static_cast<std::ptrdiff_t>(i * k);
    log_p.insert(log_p.end(), row, row + static_cast<std::ptrdiff_t>(k));
  }
  one.scored = static_cast<std::int64_t>(labels.size());
  if (labels.empty()) return;
  one.classes = class_scores(labels, log_p, static_cast<int>(k));
  std::vector<std::int64_t> counts(k);
  for (const int label : labels) ++counts[static_cast<std::size_t>(label)];
  one.majority = static_cast<double>(std::ranges::max(counts)) / static_cast<double>(labels.size());
}

Status check_widths(const std::vector<AppliedProbe>& probes, const ScanInput& opened,
                    const RunProgress& progress) {
  bool noted = false;
  for (const AppliedProbe& one : probes) {
    const Point point = one.probe.point;
    const auto width = site_width(opened.model.spec, point.site);
    if (!width || *width != one.probe.trained.map.width ||
        (site_has_layer(point.site) && point.layer >= opened.model.spec.dims.layers))
      return fail(ErrorKind::usage,
                  "{}: expected a model with {} of width {} and layer {}, found another one",
                  one.file, site_name(point.site), one.probe.trained.map.width, point.layer);
    if (!noted && one.probe.model_fingerprint != opened.model_fingerprint && progress.note) {
      progress.note(fmt::format("{}: was trained on {}, whose weights are others", one.file,
                                one.probe.model));
      noted = true;
    }
  }
  return {};
}

bool same_rule(const MassiveRule& a, const MassiveRule& b) {
  return a.min_abs == b.min_abs && a.min_ratio == b.min_ratio;
}

// What massive tokens are: as the probes learnt it.
Result<MassiveRule> rule_of(const std::vector<AppliedProbe>& probes, const MassiveRule& asked,
                            const RunProgress& progress) {
  const AppliedProbe* first = nullptr;
  for (const AppliedProbe& one : probes) {
    if (one.probe.target != "massive" || !one.probe.rule) continue;
    if (first == nullptr) first = &one;
    if (!same_rule(*first->probe.rule, *one.probe.rule))
      return fail(ErrorKind::usage,
                  "{}: expected the thresholds of {}, found a probe of other massive tokens: apply "
                  "them one after the other",
                  one.file, first->file);
  }
  if (first == nullptr) return asked;
  const MassiveRule& learnt = *first->probe.rule;
  if (!same_rule(asked, learnt) && !same_rule(asked, {}) && progress.note)
    progress.note(
        fmt::format("{}: massive tokens are those it learnt, |x| > {:g} and > {:g} times "
                    "the median",
                    first->file, learnt.min_abs, learnt.min_ratio));
  return learnt;
}

// Targets of this text, each once. Where one cannot be told its tokens have none.
Status tell_targets(const ApplyRequest& request, const ScanInput& opened, ThreadPool& pool,
                    const RunProgress& progress, std::vector<AppliedProbe>& probes) {
  ProbeSources sources;
  if (!request.labels.empty()) {
    TEPUI_TRY(sources.tags, read_labels(request.labels, opened));
  }
  ProbePasses passes;
  for (const AppliedProbe& one : probes) {
    passes.massive = passes.massive || one.probe.target == "massive";
    passes.sink = passes.sink || one.probe.target == "sink";
  }
  TEPUI_TRY(const MassiveRule rule, rule_of(probes, request.rule, progress));
  TEPUI_TRY(run_passes(passes, request, rule, opened, pool, progress, sources));
  std::map<std::string, ProbeTarget> told;
  for (AppliedProbe& one : probes) {
    const std::string& name = one.probe.target;
    if (!told.contains(name) && (name != "labels" || !request.labels.empty())) {
      auto made = make_target(name, sources.of(opened));
      // A text without any of it has one class alone: nothing to score, all to predict.
      if (made)
        told[name] = std::move(*made);
      else if (progress.note)
        progress.note("not scored: " + made.error().message);
    }
    if (told.contains(name) && told[name].real() == one.probe.classes.empty())
      one.target = told[name];
  }
  return {};
}

}  // namespace

Result<ApplyOutcome> apply_probes(const ApplyRequest& request, const RunProgress& progress) {
  const auto start = std::chrono::steady_clock::now();
  ApplyOutcome outcome;
  TEPUI_TRY(outcome.probes, read_all(request));
  ThreadPool pool(request.threads > 0 ? request.threads : ThreadPool::hardware_threads());
  TEPUI_TRY(const ScanInput opened, open_scan_input(request, pool));
  progress.tell(opened.notes);
  TEPUI_TRY(check_widths(outcome.probes, opened, progress));
  TEPUI_TRY(tell_targets(request, opened, pool, progress, outcome.probes));
  std::vector<std::size_t> first_token;
  for (std::size_t s = 0; s < opened.sequences.size(); ++s) {
    first_token.push_back(outcome.sequence_of_token.size());
    outcome.sequence_of_token.insert(outcome.sequence_of_token.end(), opened.sequences[s].size(),
                                     static_cast<int>(s));
    auto text = text_of_tokens(opened, s);
    // It stands for none of the text, but is a token of the table.
    if (opened.corpus.sequences[s].has_bos && opened.tokenizer != nullptr && !text.empty())
      text.front() = opened.tokenizer->piece_bytes(opened.sequences[s].front());
    outcome.pieces.insert(outcome.pieces.end(), text.begin(), text.end());
  }
  std::vector<Point> points;
  for (AppliedProbe& one : outcome.probes) {
    const std::size_t each = std::max<std::size_t>(one.probe.classes.size(), 1);
    one.outputs.resize(each * outcome.sequence_of_token.size());
    points.push_back(one.probe.point);
  }
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  const SiteSelection sites = SiteSelection::of(points);
  const SiteSelection nowhere;
  TEPUI_TRY(const Schedule schedule, make_schedule({}, opened.model.spec.dims.layers));
  const RunWork work{schedule, nowhere, {}, false, false, &sites};
  TEPUI_TRY(const RunPlan plan, RunPlan::make(request, opened, work, opened.sequences));
  Executor executor(*opened.backend, opened.model, pool, plan.options({}, ""), {});
  NoObservations sink;
  ApplyingRows rows(outcome.probes, std::move(first_token), pool);
  RowRequest wanted;
  wanted.sites = sites;
  wanted.consumer = &rows;
  const SequenceRange all[] = {{0, static_cast<int>(opened.sequences.size())}};
  if (progress.stage) progress.stage("probe");
  TEPUI_TRY(executor.run(opened.sequences, all, {}, sink, tokens_done(opened, progress), {}, wanted,
                         &schedule));
  for (AppliedProbe& one : outcome.probes) score(one);
  outcome.sequences = static_cast<int>(opened.sequences.size());
  outcome.tokens = opened.corpus.tokens();
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return outcome;
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "study/massive_tokens.h"

#include <set>

#include "study/massive.h"
#include "study/massive_journal.h"
#include "study/run_store.h"
#include "study/token_progress.h"

namespace tepui {

namespace {

// Takes the rows of the quantile metric: of each sequence and place the median, then the count of
// what stands above it, then those values.
class MassiveFinder final : public RowSink {
 public:
  static constexpr int kCapacity = 4096;

  MassiveFinder(const MassiveRule& rule, MassiveActivations& found, MassiveJournal& journal)
      : rule_(rule), found_(found), journal_(journal) {}

  Status begin_unit(int first, int last) override {
    unit_ = {first, last};
    return {};
  }
  Status end_unit() override { return journal_.add(unit_, found_); }
  Status add(const Series& /*row*/) override { return {}; }

  Status add(const Observation& row) override {
    if (row.metric == "quantile" && row.parameter == 0.5) median_ = double{row.value};
    if (row.metric == "above_count" && row.value > static_cast<float>(kCapacity))
      return fail(ErrorKind::data,
                  "sequence {}: {:.0f} activations stand out at resid_post of layer {}: expected "
                  "at most {}; raise --min-abs or --min-ratio",
                  row.sequence, row.value, row.point.layer, kCapacity);
    if (row.metric != "above" || !passes(rule_, double{row.value}, median_)) return {};
    auto& own = found_[static_cast<std::size_t>(row.sequence)];
    own.push_back({row.point.layer, row.position, row.channel, row.value});
    return {};
  }

 private:
  MassiveRule rule_;
  MassiveActivations& found_;
  MassiveJournal& journal_;
  SequenceRange unit_;
  double median_ = 0;
};

// Those that were not looked at before.
std::vector<SequenceRange> left_of(std::span<const SequenceRange> ranges,
                                   const MassiveJournal& journal) {
  std::vector<SequenceRange> left;
  for (const auto& [first, last] : ranges) {
    for (int s = first; s < last; ++s) {
      if (journal.holds(s)) continue;
      if (left.empty() || left.back().second != s) left.emplace_back(s, s);
      left.back().second = s + 1;
    }
  }
  return left;
}

}  // namespace

Result<MassivePass> MassivePass::make(const ModelSpec& spec, const MassiveRule& rule) {
  MassivePass pass;
  TEPUI_TRY(pass.schedule_, make_schedule({}, spec.dims.layers));
  TEPUI_TRY(pass.sites_, SiteSelection::parse("resid_post", spec));
  ScanMetricOptions measured;
  measured.fractions = {};
  measured.keep_ratio = rule.min_ratio;
  measured.keep_floor = rule.min_abs;
  measured.capacity = MassiveFinder::kCapacity;
  pass.metrics_ = calibration_metrics(measured);
  return pass;
}

RunWork MassivePass::work(bool keeps_states) const {
  RunWork work{schedule_, sites_, metrics_};
  work.keeps_states = keeps_states;
  return work;
}

Result<std::string> MassivePass::text(const InputRequest& request, const ScanInput& opened,
                                      const Speed& speed) const {
  TEPUI_TRY(const RunPlan plan, RunPlan::make(request, opened, work(true), opened.sequences));
  return fmt::format("massive       a pass before, unedited, that looks for them: {}\n",
                     time_text(plan.expected(speed).seconds()));
}

Result<MassiveActivations> find_massive(const InputRequest& request, const ScanInput& opened,
                                        ThreadPool& pool, const MassiveRule& rule,
                                        std::span<const SequenceRange> ranges,
                                        const StateKeeping& keeping,
                                        const OnProgress& on_progress) {
  MassiveActivations found(opened.sequences.size());
  TEPUI_TRY(MassiveJournal journal, MassiveJournal::open(keeping, found));
  const std::vector<SequenceRange> left = left_of(ranges, journal);
  if (!left.empty()) {
    TEPUI_TRY(const MassivePass pass, MassivePass::make(opened.model.spec, rule));
    const RunWork work = pass.work(!keeping.folder.empty());
    const auto sequences = pending_sequences(opened, left);
    TEPUI_TRY(const RunPlan plan, RunPlan::make(request, opened, work, sequences));
    ExecOptions options = plan.options(keeping.folder, keeping.identity);
    options.massive = rule;
    MassiveFinder sink(rule, found, journal);
    Executor executor(*opened.backend, opened.model, pool, options, work.metrics);
    TEPUI_TRY(executor.run(opened.sequences, left, work.sites, sink,
                           in_tokens(on_progress, tokens_in(opened.sequences, left))));
  }
  const TokenMarks marks = marks_of(found);
  for (std::size_t s = 0; s < marks.size(); ++s) {
    if (marks[s].size() <= kMostMarked) continue;
    return fail(ErrorKind::data,
                "sequence {}: {} tokens hold massive activations: expected at most {}; raise "
                "--min-abs or --min-ratio",
                s, marks[s].size(), kMostMarked);
  }
  return found;
}

StateKeeping massive_keeping(const std::filesystem::path& store, const std::string& identity) {
  return {store / "massive", identity + " massive"};
}

void forget_massive(const StateKeeping& keeping) {
  std::error_code ignored;
  std::filesystem::remove_all(keeping.folder, ignored);
}

TokenMarks marks_of(const MassiveActivations& activations) {
  TokenMarks marks;
  for (const auto& own : activations) {
    std::set<int> positions;
    for (const MassiveActivation& one : own) positions.insert(static_cast<int>(one.position));
    marks.emplace_back(positions.begin(), positions.end());
  }
  return marks;
}

Status MassiveRows::begin_unit(int first_sequence, int last_sequence) {
  TEPUI_TRY(sink_.begin_unit(first_sequence, last_sequence));
  for (int s = first_sequence; s < last_sequence; ++s) {
    if (static_cast<std::size_t>(s) >= massive_.size()) break;
    int layer = kNoLayer;
    int rank = 0;
    for (const MassiveActivation& one : massive_[static_cast<std::size_t>(s)]) {
      rank = one.layer == layer ? rank + 1 : 0;
      layer = one.layer;
      Observation row;
      row.sequence = s;
      row.point = {layer, Site::resid_post};
      row.metric = "massive";
      row.rank = rank;
      row.position = one.position;
      row.channel = one.channel;
      row.value = one.value;
      TEPUI_TRY(sink_.add(row));
    }
  }
  return {};
}

}  // namespace tepui

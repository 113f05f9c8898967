// SPDX-License-Identifier: MIT
#include "support/branch_run.h"

#include <gtest/gtest.h>

#include "exec/head.h"
#include "study/branches.h"
#include "support/shared_backend.h"

namespace tepui::test {

namespace {

// A site's whole value, as a series, so that it comes with its branch.
class Whole : public Metric {
 public:
  std::string_view name() const override { return "whole"; }
  std::vector<Value> emit(EmitContext& context) const override {
    return {context.builder.act(context.x, TEPUI_ACT_NONE, "whole")};
  }
  Status rows(std::span<const HostView> outputs, const TapContext& context,
              RowSink& sink) const override {
    std::size_t begin = 0;
    for (std::size_t s = 0; s < context.lengths.size(); ++s) {
      const auto count =
          static_cast<std::size_t>(context.lengths[s]) * static_cast<std::size_t>(context.width);
      Series row;
      row.sequence = context.first_sequence + static_cast<int>(s);
      row.point = context.point;
      row.metric = name();
      row.values = outputs[0].as<float>().subspan(begin, count);
      TEPUI_TRY(sink.add(row));
      begin += count;
    }
    return {};
  }
};

class ByBranch : public RowSink {
 public:
  ByBranch(BranchRun& into, std::size_t branches, int refuse_after)
      : into_(into), sinks_(branches), room_(refuse_after > 0 ? refuse_after : 1 << 30) {
    into.sites.resize(branches);
    into.changes.resize(branches);
  }
  Status begin_unit(int /*first*/, int /*last*/) override { return {}; }
  Status end_unit() override { return {}; }
  Status add(const Observation& row) override {
    TEPUI_TRY(take_room());
    const auto branch = static_cast<std::size_t>(row.branch);
    if (row.metric != "change") return sinks_[branch].add(row);
    into_.changes[branch].push_back(row.value);
    return {};
  }
  Status add(const Series& row) override {
    TEPUI_TRY(take_room());
    const auto branch = static_cast<std::size_t>(row.branch);
    if (row.metric != "whole") return sinks_[branch].add(row);
    into_.sites[branch][capture_key(row.point, row.sequence)].assign(row.values.begin(),
                                                                     row.values.end());
    return {};
  }
  void finish() {
    for (const TextSink& sink : sinks_) into_.lines.push_back(sink.sorted_lines());
  }

 private:
  Status take_room() {
    if (room_-- > 0) return {};
    return fail(ErrorKind::io, "the sink is full");
  }

  BranchRun& into_;
  std::vector<TextSink> sinks_;
  int room_;
};

// Losses and divergences in order of sequence and position, however the work is divided: a wave at
// a time, chunk by chunk.
Status score(Head& head, const ChunkResult& chunk, Sequences sequences, BranchRun& out) {
  std::vector<std::int32_t> targets;
  for (std::size_t s = 0; s < chunk.shape->lengths.size(); ++s) {
    const auto& ids = sequences[static_cast<std::size_t>(chunk.first_sequence) + s];
    targets.insert(targets.end(), ids.begin() + 1, ids.end());
    targets.push_back(-1);
  }
  TEPUI_TRY(const auto scores, head.scores(chunk.branches, chunk.shape->rows(), targets));
  const auto first = static_cast<std::size_t>(chunk.first_branch);
  out.scores.resize(std::max(out.scores.size(), first + scores.size() - 1));
  out.divergences.resize(out.scores.size());
  for (std::size_t i = first == 1 ? 0 : 1; i < scores.size(); ++i) {
    const std::size_t branch = i == 0 ? 0 : first + i - 1;
    const auto append = [](std::vector<double>& to, const std::vector<double>& from) {
      to.insert(to.end(), from.begin(), from.end());
    };
    append(out.scores[branch], scores[i].losses);
    append(out.divergences[branch], scores[i].divergences);
  }
  return {};
}

Result<BranchRun> try_run(const Model& model, const std::string& backend_name, Sequences sequences,
                          const std::vector<BranchRequest>& requests,
                          const BranchRunSettings& settings) {
  BackendOptions options;
  options.threads = settings.threads;
  TEPUI_TRY(const auto backend, shared_backend(backend_name, options));
  ThreadPool pool(settings.threads);
  TEPUI_TRY(const auto specs, parse_branches(requests, model.spec, "--edit"));
  std::vector<std::string> notes;
  TEPUI_TRY(const auto branches, ready_branches(specs, model.spec, {}, notes));
  TEPUI_TRY(const Schedule schedule, make_schedule(branches, model.spec.dims.layers));
  ScanMetricOptions measured;
  measured.top = 2;
  auto metrics = intervention_metrics(measured);
  metrics.push_back(std::make_unique<Whole>());
  TEPUI_TRY(const SiteSelection sites, SiteSelection::parse(settings.sites, model.spec));
  TEPUI_TRY(const auto head, Head::make(*backend, model, pool, 37, settings.keep_head));
  ExecOptions exec = settings.exec;
  exec.chunk_tokens = settings.chunk_tokens;
  exec.wave_tokens = settings.wave_tokens;
  exec.massive = settings.massive;
  BranchRun out;
  ByBranch sink(out, branches.size() + 1, settings.refuse_after);
  Executor executor(*backend, model, pool, exec, metrics);
  const SequenceRange all[] = {{0, static_cast<int>(sequences.size())}};
  TEPUI_TRY(executor.run(
      sequences, all, sites, sink, nullptr,
      {[&](const ChunkResult& chunk) { return score(*head, chunk, sequences, out); }, {}}, {},
      &schedule));
  sink.finish();
  return out;
}

}  // namespace

Result<BranchRun> try_branches(const Model& model, const std::string& backend, Sequences sequences,
                               const std::vector<std::pair<std::string, std::string>>& branches,
                               const BranchRunSettings& settings) {
  std::vector<BranchRequest> requests;
  for (const auto& [name, edits] : branches) requests.push_back({name, edits});
  return try_run(model, backend, sequences, requests, settings);
}

BranchRun run_branches(const Model& model, const std::string& backend, Sequences sequences,
                       const std::vector<std::pair<std::string, std::string>>& branches,
                       const BranchRunSettings& settings) {
  auto run = try_branches(model, backend, sequences, branches, settings);
  if (run) return *std::move(run);
  ADD_FAILURE() << run.error().message;
  BranchRun nothing;  // of every branch, so that the test goes on to its end
  const std::size_t count = branches.size() + 1;
  nothing.scores.resize(count);
  nothing.divergences.resize(count);
  nothing.lines.resize(count);
  nothing.changes.resize(count);
  nothing.sites.resize(count);
  return nothing;
}

}  // namespace tepui::test

// SPDX-License-Identifier: MIT
#include "study/run_plan.h"

#include "base/progress.h"
#include "study/json_values.h"

namespace tepui {

namespace {

std::string plural(std::int64_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  const double mib = static_cast<double>(bytes) / (1 << 20);
  return mib < 1000 ? fmt::format("{:.0f} MiB", mib) : fmt::format("{:.2f} GiB", mib / 1024);
}

std::string time_text(double seconds) {
  return seconds < 100 ? fmt::format("{:.1f} s", seconds) : clock_time(seconds);
}

MemoryQuestion RunPlan::question() const {
  return {*opened_.backend, opened_.model,
          sequences_,       work_.schedule,
          work_.sites,      work_.metrics,
          work_.scores,     weight_budget(request_, opened_.backend->device()),
          request_.wave,    work_.keeps_states,
          work_.streamed,   work_.beside,
          work_.beside_what};
}

Result<RunPlan> RunPlan::make(const InputRequest& request, const ScanInput& opened,
                              const RunWork& work, Sequences sequences) {
  RunPlan plan(request, opened, work, sequences);
  MemoryQuestion question = plan.question();
  auto memory = divide_memory(question);
  // Half of the memory is only a habit: a model that needs more may have it.
  if (!memory && request.memory == 0) {
    question.budget *= 2;
    memory = divide_memory(question);
  }
  if (!memory) return tl::unexpected<Error>(memory.error());
  plan.memory_ = *memory;
  return plan;
}

ExecOptions RunPlan::options(const std::filesystem::path& folder,
                             const std::string& identity) const {
  ExecOptions options;
  memory_.apply(options);
  if (!work_.keeps_states) return options;
  options.state_folder = folder / "wave";
  options.state_identity = identity;
  options.sync_seconds = request_.sync_seconds;
  return options;
}

Result<Speed> RunPlan::measure(ThreadPool& pool) const {
  return measure_speed(*opened_.backend, opened_.model, pool, question(), memory_);
}

Expectation RunPlan::expected(const Speed& speed) const {
  return expect(question(), memory_, speed);
}

std::string RunPlan::text(const Speed& speed) const {
  return plan_table(question(), memory_, speed, expected(speed));
}

nlohmann::ordered_json RunPlan::document(const Speed& speed) const {
  return plan_document(question(), memory_, speed, expected(speed));
}

Result<RunOutcome> dry_run(const InputRequest& request, const ScanInput& opened,
                           const RunWork& work, ThreadPool& pool, const RunProgress& progress) {
  progress.tell(opened.notes);
  TEPUI_TRY(const RunPlan plan, RunPlan::make(request, opened, work, opened.sequences));
  RunOutcome outcome;
  outcome.sequences = static_cast<int>(opened.sequences.size());
  TEPUI_TRY(const Speed speed, plan.measure(pool));
  outcome.plan = request.json ? json_text(plan.document(speed)) : plan.text(speed);
  return outcome;
}

std::string plan_table(const MemoryQuestion& question, const MemoryDivision& memory,
                       const Speed& speed, const Expectation& expected) {
  const auto share = static_cast<double>(expected.block_runs) /
                     static_cast<double>(std::max<std::int64_t>(1, expected.unshared_block_runs));
  std::string text = fmt::format(
      "{}, {} tokens in {} of at most {} tokens, {}\n",
      plural(static_cast<std::int64_t>(question.sequences.size()), "sequence", "sequences"),
      expected.tokens, plural(expected.chunks, "chunk", "chunks"), memory.chunk_tokens,
      plural(expected.waves, "wave", "waves"));
  text += fmt::format("block runs    {}", expected.block_runs);
  if (question.schedule.branches > 1)
    text += fmt::format(" for {} branches and the unedited run; {} if each ran alone ({:.3f})",
                        question.schedule.branches - 1, expected.unshared_block_runs, share);
  text += fmt::format("\nweights       {} of the layers to be read, {}\n",
                      size_text(expected.bytes_read),
                      memory.all_resident  ? "which then stay in memory"
                      : memory.loads_ahead ? "each wave; the next layer while one computes"
                                           : "each wave; as much of the next layer as fits while "
                                             "one computes");
  text += fmt::format("memory        {} of {}: program {}, weights {}, chunk {}, hidden states {}",
                      size_text(memory.total()), size_text(memory.budget), size_text(memory.base),
                      size_text(memory.weights), size_text(memory.chunk), size_text(memory.states));
  if (memory.beside > 0)
    text += fmt::format(", {} {}", question.beside_what, size_text(memory.beside));
  if (memory.keeps_head && question.scores)
    text += fmt::format(", head {}", size_text(memory.head));
  if (memory.spills)
    text += fmt::format("\ndisk          {} for hidden states", size_text(memory.files));
  text += fmt::format("\nexpected      {}: layers {}, weights {}", time_text(expected.seconds()),
                      time_text(expected.layers), time_text(expected.weights));
  if (question.scores) text += fmt::format(", head {}", time_text(expected.head));
  text += fmt::format("\nmeasured      a layer of {} rows {:.4f} s", speed.rows, speed.layer);
  if (question.schedule.branches > 1)
    text += fmt::format(", of another branch {:.4f} s", speed.edited_layer);
  text += fmt::format(", to load it {:.3f} s ({:.2f} GB/s)", speed.load,
                      static_cast<double>(speed.layer_bytes) / 1e9 / std::max(1e-9, speed.load));
  if (question.scores) text += fmt::format(", the head {:.4f} s", speed.head + speed.head_start);
  return text + "\n";
}

nlohmann::ordered_json plan_document(const MemoryQuestion& question, const MemoryDivision& memory,
                                     const Speed& speed, const Expectation& expected) {
  nlohmann::ordered_json out;
  out["sequences"] = question.sequences.size();
  out["tokens"] = expected.tokens;
  out["branches"] = question.schedule.branches;
  out["chunks"] = expected.chunks;
  out["chunk_tokens"] = memory.chunk_tokens;
  out["waves"] = expected.waves;
  out["block_runs"] = expected.block_runs;
  out["unshared_block_runs"] = expected.unshared_block_runs;
  out["weights_read"] = expected.bytes_read;
  out["weights_resident"] = memory.all_resident;
  out["loads_ahead"] = memory.loads_ahead;
  out["memory"] = {{"total", memory.total()}, {"budget", memory.budget},
                   {"program", memory.base},  {"weights", memory.weights},
                   {"chunk", memory.chunk},   {"states", memory.states},
                   {"beside", memory.beside}, {"head", memory.head}};
  out["disk"] = memory.spills ? memory.files : 0;
  out["seconds"] = {{"total", number(expected.seconds())},
                    {"layers", number(expected.layers)},
                    {"weights", number(expected.weights)},
                    {"head", number(expected.head)}};
  out["measured"] = {{"rows", speed.rows},
                     {"layer", number(speed.layer)},
                     {"edited_layer", number(speed.edited_layer)},
                     {"load", number(speed.load)},
                     {"layer_bytes", speed.layer_bytes},
                     {"head", number(speed.head + speed.head_start)}};
  return out;
}

}  // namespace tepui

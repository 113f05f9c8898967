// SPDX-License-Identifier: MIT
// tepui sweep
#include <fmt/format.h>

#include <charconv>
#include <memory>

#include "commands.h"
#include "dist/comm.h"
#include "run_options.h"
#include "study/json_values.h"
#include "study/sweep.h"
#include "study/sweep_report.h"
#include "usage.h"

namespace tepui {

namespace {

struct SweepArguments {
  std::string study;
  std::string out;
  std::string shard;
  InputRequest machine;  // backend, threads, wave
  RunWords words;
  SweepRequest request;
  bool dry_run = false;
  bool json = false;
};

// "2/4": the second of four.
Status parse_shard(const std::string& text, SweepRequest& request) {
  int number = 0;
  int count = 0;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, number);
  const bool slash = first.ec == std::errc() && first.ptr != end && *first.ptr == '/';
  const auto second = slash ? std::from_chars(first.ptr + 1, end, count) : first;
  if (!slash || second.ec != std::errc() || second.ptr != end || number < 1 || number > count)
    return fail(ErrorKind::usage, "--shard {}: expected I/N with I from 1 to N, such as 2/4", text);
  request.shard = number - 1;
  request.shards = count;
  return {};
}

Status complete(SweepArguments& a) {
  TEPUI_TRY(a.request.study, read_study(a.study));
  a.request.out = a.out.empty() ? "tepui-" + std::filesystem::path(a.study).stem().string() : a.out;
  if (!a.shard.empty()) TEPUI_TRY(parse_shard(a.shard, a.request));
  a.request.backend = a.machine.backend;
  a.request.threads = a.machine.threads;
  a.request.wave = a.machine.wave;
  if (!a.words.memory.empty()) {
    TEPUI_TRY(a.request.memory, parse_bytes(a.words.memory));
  }
  return {};
}

void print_out(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

Status report_failures(const FailureList& failures) {
  if (failures.empty()) return {};
  for (const std::string& failure : failures.lines()) print_note(failure);
  const std::size_t places = failures.places();
  return fail(ErrorKind::data, "sweep: {} cannot be computed; the notes above name what and why",
              places == 1 ? std::string("1 part of the study")
                          : fmt::format("{} parts of the study", places));
}

Status run(SweepArguments& a) {
  TEPUI_TRY(complete(a));
  TEPUI_TRY(const auto comm, make_comm());
  a.request.rank = comm->rank();
  a.request.ranks = comm->size();
  a.request.measure = a.dry_run && a.request.rank == 0;
  ProgressBar bar("sweep");
  const RunProgress progress = bar.callbacks();
  TEPUI_TRY(const SweepPlan plan, plan_sweep(a.request, progress));
  if (a.dry_run) {
    if (a.request.rank > 0) return {};
    if (a.json) print_out(json_text(plan_json(plan)));
    if (!a.json && !plan.jobs.empty()) print_out(plan_table(plan));
    TEPUI_TRY(flush_output());
    return report_failures(plan.failures);
  }
  TEPUI_TRY(write_sweep_file(a.request, plan, progress));
  TEPUI_TRY(SweepOutcome outcome, run_sweep(a.request, plan, progress));
  bar.close();
  FailureList failures = plan.failures;
  failures.add(outcome.failures);
  outcome.failures = std::move(failures);
  if (a.request.rank == 0) {
    if (a.json) {
      TEPUI_TRY(const auto document, sweep_json(plan, outcome));
      print_out(json_text(document));
    } else if (!plan.jobs.empty()) {
      TEPUI_TRY(const std::string table, sweep_table(plan));
      print_out(table);
    }
  }
  if (!a.json) {
    const std::string who =
        a.request.ranks > 1 ? fmt::format("rank {} of {}: ", a.request.rank, a.request.ranks) : "";
    fmt::print("\n{}{} of {} units computed, {} were there; stored in {}\n", who, outcome.computed,
               outcome.units, outcome.there, a.request.out.string());
  }
  TEPUI_TRY(flush_output());
  return report_failures(outcome.failures);
}

const char* const kSweepFooter =
    "A study file has [[model]], [[text]] and [[branch]] tables; README.md, section Sweeps, has "
    "all\n"
    "fields. Every text runs through every model under every branch.\n\n"
    "  [[model]]\n"
    "  path = \"models/gpt2\"\n"
    "  [[text]]\n"
    "  files = [\"wiki.txt\"]\n"
    "  [[branch]]\n"
    "  name = \"layer {layer}\"\n"
    "  edits = \"resid_post.{layer}:massive:massive=zero\"\n"
    "  layer = \"every layer\"\n\n"
    "  tepui sweep study.toml --dry-run\n"
    "  tepui sweep study.toml --shard 2/4 --out shard2\n"
    "  mpirun --enable-recovery -n 4 tepui sweep study.toml";

}  // namespace

void add_sweep(CLI::App& app, int argc, char** argv, int& code) {
  auto a = std::make_shared<SweepArguments>();
  CLI::App* command =
      app.add_subcommand("sweep", "Models x texts x interventions from a study file, resumable");
  command->add_option("STUDY", a->study, "The study file (TOML)")->required()->type_name("");
  command->add_flag("--dry-run", a->dry_run,
                    "Check everything, measure this machine for some seconds a\nmodel and text and "
                    "show the plan (block runs, memory, time);\ncompute nothing");
  command
      ->add_option("--shard", a->shard,
                   "Only every N-th unit from the I-th on, 1/N to N/N:\nthe shards together are "
                   "the study (tepui merge joins\ntheir folders)")
      ->type_name("I/N");
  command
      ->add_option("--out", a->out,
                   "Folder of the results; the same command goes on where\nit stopped, and "
                   "several processes may work in it\n(default: tepui-<STUDY>)")
      ->type_name("DIR");
  add_backend_options(*command, a->machine, a->words);
  command
      ->add_option("--wave", a->machine.wave,
                   "Tokens between two commits to a store; results do not\ndepend on it")
      ->check(count_up_to(1 << 30))
      ->type_name("TOKENS");
  command->add_flag("--json", a->json, "Print one JSON document instead of the table");
  command->footer(kSweepFooter);
  a->request.command = quoted_command(argc, argv);
  command->callback([a, &code] { code = finish_command(run(*a)); });
}

}  // namespace tepui

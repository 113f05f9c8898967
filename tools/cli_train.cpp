// SPDX-License-Identifier: MIT
// tepui train
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>

#include "base/progress.h"
#include "commands.h"
#include "run_options.h"
#include "study/recipe_file.h"
#include "study/train_grid.h"
#include "study/train_run.h"
#include "study/wording.h"
#include "usage.h"

namespace tepui {

namespace {

struct TrainArguments {
  TrainCommand command;
  bool dry_run = false;
  bool json = false;
  bool grid = false;
  std::string shard;
};

volatile std::sig_atomic_t stop_asked = 0;  // the signal; 0: none

// A second signal ends the program as it always does.
void ask_to_stop(int signal) {
  stop_asked = signal;
  std::signal(signal, SIG_DFL);
}

// What is ignored, as for jobs in the background, stays so.
void listen_for_stops() {
  for (const int signal : {SIGINT, SIGTERM})
    if (std::signal(signal, ask_to_stop) == SIG_IGN) std::signal(signal, SIG_IGN);
}

// Behind all that was to be said: whoever called sees that the run did not end by itself.
Status end_as_asked() {
  TEPUI_TRY(flush_output());
  if (stop_asked != 0) std::raise(stop_asked);
  return {};
}

class TrainingView {
 public:
  explicit TrainingView(bool quiet) : quiet_(quiet) {}

  TrainView callbacks() {
    TrainView view;
    view.begin = [this](std::int64_t first, std::int64_t steps) {
      steps_ = static_cast<double>(steps);
      first_ = static_cast<double>(first);
      if (first > 0) print_note(fmt::format("goes on at step {}", first));
    };
    view.step = [this](const StepReport& report, std::int64_t tokens) { step(report, tokens); };
    view.evaluation = [this](const EvaluationReport& report) {
      bar_.reset();
      if (quiet_) return;
      fmt::print("step {:>6}  training loss {:.4f}  validation loss {:.4f}\n", report.step,
                 report.training, report.validation);
      std::fflush(stdout);
    };
    view.stop = [] { return stop_asked != 0; };
    return view;
  }
  void close() { bar_.reset(); }

 private:
  // The bar counts tokens; its label has the loss.
  void step(const StepReport& report, std::int64_t tokens) {
    const auto done = static_cast<double>(report.step + 1);
    const double per_step = static_cast<double>(tokens) / (done - first_);
    seconds_ += report.seconds;
    if (shown_ && seconds_ < 0.2) return;
    shown_ = true;
    seconds_ = 0;
    const std::string label = fmt::format("step {} loss {:.4f}", report.step, report.loss);
    if (!bar_) {
      bar_ = std::make_unique<Progress>(label, "tokens", steps_ * per_step);
      bar_->skip((done - 1) * per_step);
    }
    bar_->relabel(label);
    bar_->update(done * per_step);
  }

  bool quiet_;
  bool shown_ = false;
  double steps_ = 0;
  double first_ = 0;
  double seconds_ = 0;
  std::unique_ptr<Progress> bar_;
};

// "2/4": the second of four.
Status parse_grid_shard(const std::string& text, GridCommand& command) {
  int number = 0;
  int count = 0;
  char behind = 0;
  if (std::sscanf(text.c_str(), "%9d/%9d%c", &number, &count, &behind) != 2 || number < 1 ||
      number > count)
    return fail(ErrorKind::usage, "--shard {}: expected I/N with I from 1 to N, such as 2/4", text);
  command.shard = number - 1;
  command.shards = count;
  return {};
}

Status run_all(const TrainArguments& a) {
  if (a.command.until) return fail(ErrorKind::usage, "--grid: expected no --until beside it");
  GridCommand command{a.command};
  if (!a.shard.empty()) TEPUI_TRY(parse_grid_shard(a.shard, command));
  if (a.dry_run) {
    TEPUI_TRY(const GridPlan found, plan_grid(command));
    const std::string plan = a.json ? grid_plan_json(found) : grid_plan_text(command, found);
    std::fwrite(plan.data(), 1, plan.size(), stdout);
    return flush_output();
  }
  listen_for_stops();
  GridView view;
  auto shown = std::make_unique<TrainingView>(true);
  view.begin = [&](const std::string& name, int number, int runs) {
    shown->close();
    shown = std::make_unique<TrainingView>(true);
    view.train = shown->callbacks();
    print_note(fmt::format("{} of {}: {}", number, runs, name));
  };
  view.train = shown->callbacks();
  const auto rows = run_grid(command, view);
  shown->close();
  if (!rows) return tl::unexpected(rows.error());
  const std::string text = a.json ? grid_json(*rows) : grid_table(*rows);
  std::fwrite(text.data(), 1, text.size(), stdout);
  TEPUI_TRY(flush_output());
  const auto failed =
      std::ranges::count_if(*rows, [](const GridRow& row) { return !row.failure.empty(); });
  if (failed > 0)
    return fail(ErrorKind::data, "{} of {} runs cannot go on: {}", failed, rows->size(),
                std::ranges::find_if(*rows, [](const GridRow& row) {
                  return !row.failure.empty();
                })->failure);
  return end_as_asked();
}

Status run(const TrainArguments& a) {
  if (a.grid) return run_all(a);
  if (!a.shard.empty()) return fail(ErrorKind::usage, "--shard: expected --grid beside it");
  TEPUI_TRY(const RecipeFile recipe, read_recipe(a.command.recipe));
  for (const std::string& note : recipe.notes) print_note(note);
  if (a.dry_run) {
    TEPUI_TRY(const std::string plan, train_plan_text(a.command, a.json));
    std::fwrite(plan.data(), 1, plan.size(), stdout);
    return flush_output();
  }
  listen_for_stops();
  TrainingView view(a.json);
  auto result = run_train(a.command, view.callbacks());
  view.close();
  if (!result) return tl::unexpected(result.error());
  const TrainOutcome& out = result->outcome;
  if (a.json) {
    const std::string text = train_json(*result);
    std::fwrite(text.data(), 1, text.size(), stdout);
    return out.finished ? flush_output() : end_as_asked();
  }
  if (out.finished)
    fmt::print("\nLoss over the whole validation data: {:.4f} nats a token\n",
               out.whole_validation);
  if (const auto& zeroing = result->zeroing)
    fmt::print("Perplexity of its first sequences: {:.4g}; {} {:.4g} ({}){}\n", zeroing->perplexity,
               zeroing->massive
                   ? "with massive activations zero in one layer"
                   : "no layer is above 100 medians; with the largest activation zero in the "
                     "layer whose ratio is largest",
               zeroing->first, zeroing->first_edit,
               zeroing->massive ? fmt::format(", in all {:.4g}", zeroing->everywhere) : "");
  if (out.tokens > 0)
    fmt::print("{} tokens in {} ({:.0f} tokens/s) on {}\n", out.tokens, clock_time(out.seconds),
               static_cast<double>(out.tokens) / out.seconds, result->device);
  fmt::print("{} after {}: {}\n", out.finished ? "Finished" : "Stopped", counted(out.next, "step"),
             out.checkpoint.string());
  if (!out.finished) fmt::print("The same command goes on from there.\n");
  return out.finished ? flush_output() : end_as_asked();
}

}  // namespace

void add_train(CLI::App& app, int argc, char** argv, int& code) {
  auto a = std::make_shared<TrainArguments>();
  a->command.typed = quoted_command(argc, argv);
  CLI::App* command = app.add_subcommand("train", "Train a small model on a text");
  command->add_option("RECIPE", a->command.recipe, "The recipe, a TOML file")
      ->required()
      ->type_name("");
  command
      ->add_option("--out", a->command.out,
                   "Where the run is kept (default: out of the recipe); a run\n"
                   "that is there is continued")
      ->type_name("DIR");
  command->add_option("--until", a->command.until, "Stop before this step, with a checkpoint")
      ->check(count_up_to(1 << 30))
      ->type_name("STEP");
  command->add_option("--backend", a->command.backend, "What computes: auto, cpu, vulkan, vulkan:N")
      ->check(backend_name())
      ->capture_default_str()
      ->type_name("NAME");
  command->add_option("--threads", a->command.threads, "Threads of the CPU backend (default: all)")
      ->check(count_up_to(1024))
      ->type_name("N");
  command->add_flag("--grid", a->grid,
                    "Run the product of the recipe's [grid.model], [grid.data] and\n"
                    "[grid.train], each in a folder of its own; what is finished stays");
  command
      ->add_option("--shard", a->shard,
                   "Of --grid: only every N-th run from the I-th on, 1/N to N/N")
      ->type_name("I/N");
  command->add_flag("--dry-run", a->dry_run,
                    "Tell what would be done, and do nothing; with --grid of every run");
  command->add_flag("--json", a->json, "Print one JSON document at the end instead of lines");
  command->footer(
      "A recipe, such as shakespeare.toml (README.md describes more keys):\n\n"
      "  out = \"runs/shakespeare\"\n"
      "  [model]\n"
      "  family = \"llama\"\n"
      "  layers = 4\n"
      "  heads = 4\n"
      "  width = 128\n"
      "  context = 128\n"
      "  [data]\n"
      "  text = \"input.txt\"\n"
      "  [train]\n"
      "  steps = 2000\n"
      "  batch = 8\n\n"
      "Checkpoints are HF folders that every command and transformers read. The same recipe and\n"
      "seed give the same bits on one backend, also when a run was stopped (Ctrl-C, --until) and\n"
      "continued by the same command.\n\n"
      "  tepui train shakespeare.toml\n"
      "  tepui scan runs/shakespeare/step-002000 --text input.txt");
  command->callback([a, &code] { code = finish_command(run(*a)); });
}

}  // namespace tepui

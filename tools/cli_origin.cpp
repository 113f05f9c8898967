// SPDX-License-Identifier: MIT
// tepui origin
#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "run_options.h"
#include "study/json_values.h"
#include "study/origin.h"
#include "study/origin_report.h"
#include "study/weight_scan.h"
#include "terminal.h"
#include "usage.h"

namespace tepui {

namespace {

struct OriginArguments {
  OriginRequest request;
  RunWords words;
  WeightScanRequest weights;
  bool weights_only = false;
  std::string idle;  // an option of runs that was given beside it
  bool json = false;
};

Status show_weights(OriginArguments& a) {
  const CorpusRequest& corpus = a.request.corpus;
  if (!corpus.texts.empty() || corpus.prompt.has_value() || corpus.ids.has_value())
    return fail(ErrorKind::usage,
                "--weights-only: expected no text, since none is read; leave out --text, --prompt "
                "and --ids");
  if (a.request.out)
    return fail(ErrorKind::usage,
                "--weights-only: expected no --out, since nothing is stored; --json prints all of "
                "it as one document");
  if (a.request.dry_run)
    return fail(ErrorKind::usage,
                "--weights-only: expected no --dry-run, since no model is run and there is no "
                "plan");
  if (!a.idle.empty())
    return fail(ErrorKind::usage, "--weights-only: expected no {}, since no model is run", a.idle);
  a.weights.model = a.request.model;
  a.weights.threads = a.request.threads;
  TEPUI_TRY(const WeightScan scan, scan_weights(a.weights));
  const std::string text =
      a.json ? json_text(weight_scan_json(scan)) : weight_scan_table(scan, terminal_width());
  std::fwrite(text.data(), 1, text.size(), stdout);
  return flush_output();
}

// An option that was given and says how a model is run.
bool needs_a_run(const CLI::Option* option) {
  constexpr std::string_view kOthers[] = {
      "MODEL",    "--help", "--json", "--text",    "--weights-only", "--deviations",
      "--prompt", "--ids",  "--out",  "--dry-run", "--threads",      "--backend"};
  return option->count() > 0 && std::ranges::find(kOthers, option->get_name()) == std::end(kOthers);
}

Status run(OriginArguments& a) {
  if (a.weights_only) return show_weights(a);
  TEPUI_TRY(complete_request(a.request, a.words, "origin"));
  ProgressBar bar("origin");
  auto outcome = run_origin(a.request, bar.callbacks());
  bar.close();
  if (!outcome) return tl::unexpected(outcome.error());
  if (!outcome->plan.empty()) return print_plan(*outcome);
  TEPUI_TRY(StoreReader store, StoreReader::open(outcome->folder));
  TEPUI_TRY(const OriginSummary summary, summarise_origin(store));
  const std::string text = a.json ? json_text(origin_json(summary))
                                  : origin_table(summary, terminal_letters(), terminal_width());
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!a.json)
    fmt::print("\nStored in {} ({}).\n", outcome->folder.string(), what_was_done(*outcome));
  return flush_output();
}

}  // namespace

void add_origin(CLI::App& app, int argc, char** argv, int& code) {
  auto a = std::make_shared<OriginArguments>();
  CLI::App* command = app.add_subcommand(
      "origin", "What writes massive activations, what removes them, what leaves f16");
  add_input_options(*command, a->request, a->words);
  command
      ->add_option("--neurons", a->request.neurons,
                   "Keep the N strongest neurons of each sub-layer")
      ->check(count_up_to(1 << 20))
      ->capture_default_str()
      ->type_name("N");
  add_rule_options(*command, a->request.rule);
  CLI::Option* const weights_only = command->add_flag(
      "--weights-only", a->weights_only,
      "Read no text and store nothing: name the channels that\nstand out in norms, "
      "biases and projections, and the\nentries of down projections that do");
  command
      ->add_option("--deviations", a->weights.deviations,
                   "With --weights-only: a channel stands out beyond this\nmany deviations from "
                   "the median of all")
      ->needs(weights_only)
      ->check(positive_number())
      ->capture_default_str()
      ->type_name("D");
  add_device_options(*command, a->request, a->words, "origin");
  command->add_flag("--json", a->json, "Print one JSON document instead of the tables");
  command->footer(
      "One of --text, --prompt, --ids and --weights-only is needed. Layers, channels, neurons and "
      "heads count from 0.\n\n"
      "  tepui origin models/Llama-2-7b-hf --prompt 'Summer is warm. Winter is cold.'\n"
      "  tepui origin models/Llama-2-7b-hf --weights-only");
  a->request.command = quoted_command(argc, argv);
  command->callback([a, command, &code] {
    for (const CLI::Option* option : command->get_options(needs_a_run))
      a->idle = option->get_name();
    code = finish_command(run(*a));
  });
}

}  // namespace tepui

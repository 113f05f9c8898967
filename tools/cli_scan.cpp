// SPDX-License-Identifier: MIT
// tepui scan
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "commands.h"
#include "report_scan.h"
#include "run_options.h"
#include "study/scan.h"
#include "usage.h"

namespace tepui {

namespace {

struct ScanArguments {
  ScanRequest request;
  RunWords words;
  int shown = 5;
  MassiveRule rule;
  bool json = false;
};

Status complete(ScanArguments& arguments) {
  ScanRequest& request = arguments.request;
  TEPUI_TRY(complete_request(request, arguments.words, "scan"));
  request.json = arguments.json;
  const MassiveRule published;
  if (arguments.rule.min_abs != published.min_abs ||
      arguments.rule.min_ratio != published.min_ratio)
    request.rule_shown = arguments.rule;
  request.metrics.top = std::max(request.metrics.top, arguments.shown);
  request.metrics.keep_ratio = std::min(request.metrics.keep_ratio, arguments.rule.min_ratio);
  request.metrics.keep_floor = std::min(request.metrics.keep_floor, arguments.rule.min_abs);
  return {};
}

// What is not finite is an error behind everything that was measured.
Status all_finite(const ScanSummary& summary, const RunOutcome& outcome) {
  if (summary.not_finite.empty()) return {};
  std::set<int> sequences;
  for (const NotFinite& number : summary.not_finite) sequences.insert(number.sequence);
  return fail(ErrorKind::data,
              "{}: expected finite activations, found {} of {} sequences with others; all that was "
              "measured is stored, and means over sequences at such places are empty",
              outcome.folder.string(), sequences.size(), summary.finished.size());
}

Status run(ScanArguments& arguments) {
  TEPUI_TRY(complete(arguments));
  ProgressBar bar("scan");
  auto outcome = run_scan(arguments.request, bar.callbacks());
  bar.close();
  if (!outcome) return tl::unexpected(outcome.error());
  if (!outcome->plan.empty()) return print_plan(*outcome);
  TEPUI_TRY(const ScanSummary summary,
            report_scan(outcome->folder, arguments.rule, arguments.shown, arguments.json));
  if (!arguments.json)
    fmt::print("\nStored in {} ({}).\n", outcome->folder.string(), what_was_done(*outcome));
  if (arguments.request.trace)
    fmt::print(arguments.json ? stderr : stdout, "{}{}", arguments.json ? "" : "\n",
               outcome->trace);
  TEPUI_TRY(flush_output());
  return all_finite(summary, *outcome);
}

void add_measure_options(CLI::App& scan, ScanArguments& a) {
  scan.add_option("--top", a.shown,
                  "How many of the largest values are listed (the table:\nthree, and more where "
                  "the terminal is wide enough)")
      ->check(count_up_to(1024))
      ->capture_default_str()
      ->type_name("K");
  scan.add_option("--sites,--site", a.request.sites,
                  "Where to look: SITE, SITE.LAYER, SITE.FIRST-LAST or\n"
                  "SITE.* in a comma-separated list, or all")
      ->check(offering({site_words(), true}))
      ->capture_default_str()
      ->type_name("LIST");
  scan.add_option("--layers", a.request.layers,
                  "Layers of the sites that name none: 3, 3-9, 1,4-6\n(default: all)")
      ->type_name("LIST");
  add_rule_options(scan, a.rule);
  scan.add_option("--keep-ratio", a.request.metrics.keep_ratio,
                  "Keep the place of every |x| above this many medians,\n"
                  "for other thresholds later")
      ->check(positive_number())
      ->type_name("X")
      ->capture_default_str();
  scan.add_option("--surface", a.request.metrics.surface,
                  "Keep x over tokens and channels of the first N\n"
                  "sequences, for the surfaces of tepui report: at most\n"
                  "256 x 256 cells a place, each the largest |x| in it")
      ->check(count_up_to(1 << 30, 0))
      ->type_name("N")
      ->capture_default_str();
}

}  // namespace

void add_scan(CLI::App& app, int argc, char** argv, int& code) {
  auto arguments = std::make_shared<ScanArguments>();
  CLI::App* scan = app.add_subcommand("scan", "Find a model's massive activations on a text");
  add_input_options(*scan, arguments->request, arguments->words);
  add_measure_options(*scan, *arguments);
  add_device_options(*scan, arguments->request, arguments->words, "scan");
  scan->add_flag("--trace", arguments->request.trace,
                 "Count what the backend does for each layer and chunk:\n"
                 "dispatches, submissions, waits, bytes brought back");
  scan->add_flag("--json", arguments->json, "Print one JSON document instead of the table");
  scan->footer(
      "One of --text, --prompt and --ids is needed.\n"
      "Sites: embeddings, resid_pre, attn_in, q_pre, k_pre, q, k, v, z, attn_out, attn_out_post,\n"
      "resid_mid, mlp_in, router_logits, expert_weights, mlp_pre, mlp_pre_linear, mlp_act, "
      "mlp_out,\n"
      "mlp_out_post, resid_post, final_norm. Layers and positions count from 0.\n"
      "TEPUI_ISA=portable|avx2|avx512 forces an instruction set.\n\n"
      "  tepui scan models/Llama-3.2-1B --text book.txt --sequences 10\n"
      "  tepui scan gpt2 --prompt 'Summer is warm. Winter is cold.' \\\n"
      "      --sites resid_post,mlp_out.0-3 --json");
  arguments->request.command = quoted_command(argc, argv);
  scan->callback([arguments, &code] { code = finish_command(run(*arguments)); });
}

}  // namespace tepui

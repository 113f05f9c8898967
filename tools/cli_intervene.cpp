// SPDX-License-Identifier: MIT
// tepui intervene
#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "edit_options.h"
#include "run_options.h"
#include "study/intervene.h"
#include "study/intervene_report.h"
#include "study/json_values.h"
#include "terminal.h"
#include "usage.h"

namespace tepui {

namespace {

struct InterveneArguments {
  InterveneRequest request;
  RunWords words;
  EditWords edits;
  std::string protocol;
  bool json = false;
};

Status complete(InterveneArguments& a) {
  TEPUI_TRY(complete_request(a.request, a.words, "intervene"));
  a.request.json = a.json;
  if (!a.protocol.empty()) {
    TEPUI_TRY(a.request.protocol, protocol_from_name(a.protocol));
    if (!a.edits.edits.empty() || !a.edits.branches.empty())
      return fail(ErrorKind::usage,
                  "--protocol {}: expected no --edit or --branch beside it, it has "
                  "its own",
                  a.protocol);
  }
  TEPUI_TRY(a.request.branches, branch_requests(a.edits));
  return {};
}

Status run(InterveneArguments& a) {
  TEPUI_TRY(complete(a));
  ProgressBar bar("intervene");
  auto outcome = run_intervene(a.request, bar.callbacks());
  bar.close();
  if (!outcome) return tl::unexpected(outcome.error());
  if (!outcome->plan.empty()) return print_plan(*outcome);
  TEPUI_TRY(StoreReader store, StoreReader::open(outcome->folder));
  TEPUI_TRY(const InterveneSummary summary, read_intervention(store));
  const std::string text =
      a.json ? json_text(intervene_json(summary)) : intervene_table(summary, table_width());
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!a.json)
    fmt::print("\nStored in {} ({}).\n", outcome->folder.string(), what_was_done(*outcome));
  return flush_output();
}

void add_own_options(CLI::App& command, InterveneArguments& a) {
  command
      .add_option("--protocol", a.protocol,
                  "What a published study did: sun2024 or owen2025\n(branches, context, BOS)")
      ->check(one_of({"sun2024", "owen2025"}))
      ->type_name("NAME");
  command
      .add_option("--sites", a.request.sites,
                  "Where the change from the unedited run is measured,\nas in tepui scan")
      ->capture_default_str()
      ->type_name("LIST");
}

const char* const kFooter =
    "One of --text, --prompt and --ids is needed. Without --edit, --branch and --protocol: zero "
    "and\n"
    "mean of the massive activations of the first massive layer and of all massive layers, and a\n"
    "clip at 100 medians.\n";
const char* const kExamples =
    "\n  tepui intervene models/Llama-3.2-1B --text wiki.txt --calibrate other.txt\n"
    "  tepui intervene gpt2 --text wiki.txt --edit 'resid_post.2:0:447=zero' \\\n"
    "      --branch 'low=mlp_act.all:all:all=round:int8:token'";

}  // namespace

void add_intervene(CLI::App& app, int argc, char** argv, int& code) {
  auto a = std::make_shared<InterveneArguments>();
  CLI::App* command =
      app.add_subcommand("intervene", "Change activations and see what becomes of the predictions");
  add_input_options(*command, a->request, a->words);
  add_protocol_options(*command, a->request, a->words);
  add_edit_options(*command, a->edits);
  add_own_options(*command, *a);
  add_calibration_options(*command, a->request.calibration, a->request.rule);
  add_device_options(*command, a->request, a->words, "intervene");
  command->add_flag("--json", a->json, "Print one JSON document instead of the tables");
  command->footer(std::string(kFooter) + kEditGrammar + kExamples);
  a->request.command = quoted_command(argc, argv);
  command->callback([a, &code] { code = finish_command(run(*a)); });
}

}  // namespace tepui

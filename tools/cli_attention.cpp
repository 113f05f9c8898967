// SPDX-License-Identifier: MIT
// tepui attention
#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "edit_options.h"
#include "run_options.h"
#include "study/attention.h"
#include "study/attention_report.h"
#include "study/json_values.h"
#include "terminal.h"
#include "usage.h"

namespace tepui {

namespace {

struct AttentionArguments {
  AttentionRequest request;
  RunWords words;
  SinkRule sink;
  EditWords edits;
  bool json = false;
};

Status complete(AttentionArguments& a) {
  TEPUI_TRY(complete_request(a.request, a.words, "attention"));
  if (a.sink.key >= a.request.early)
    return fail(ErrorKind::usage, "--sink-key {}: expected a key below --sink-tokens, which is {}",
                a.sink.key, a.request.early);
  if (a.sink.epsilon >= 1)
    return fail(ErrorKind::usage, "--sink-epsilon {}: expected a share of attention, below 1",
                a.sink.epsilon);
  TEPUI_TRY(a.request.branches, branch_requests(a.edits));
  return {};
}

Status run(AttentionArguments& a) {
  TEPUI_TRY(complete(a));
  ProgressBar bar("attention");
  auto outcome = run_attention(a.request, bar.callbacks());
  bar.close();
  if (!outcome) return tl::unexpected(outcome.error());
  if (!outcome->plan.empty()) return print_plan(*outcome);
  TEPUI_TRY(StoreReader store, StoreReader::open(outcome->folder));
  TEPUI_TRY(const AttentionSummary summary, summarise_attention(store, a.sink));
  const std::string text = a.json ? json_text(attention_json(summary))
                                  : attention_table(summary, terminal_letters(), terminal_width());
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!a.json)
    fmt::print("\nStored in {} ({}).\n", outcome->folder.string(), what_was_done(*outcome));
  return flush_output();
}

void add_measure_options(CLI::App& command, AttentionArguments& a) {
  command
      .add_option(
          "--tokens", a.request.tokens,
          "Which tokens' part is told apart: massive (those that\nhold a massive activation "
          "in the unedited run), or\npositions such as 0 or 0,4-6")
      ->capture_default_str()
      ->type_name("LIST");
  command
      .add_option("--sink-key", a.sink.key, "A head has a sink where this key receives more than")
      ->check(count_up_to(1 << 24, 0))
      ->capture_default_str()
      ->type_name("K");
  command
      .add_option("--sink-epsilon", a.sink.epsilon, "this much, as a mean over the queries among")
      ->check(positive_number())
      ->capture_default_str()
      ->type_name("E");
  command.add_option("--sink-tokens", a.request.early, "the first so many")
      ->check(count_up_to(1 << 24))
      ->capture_default_str()
      ->type_name("T");
  CLI::Option* map =
      command
          .add_option(
              "--map", a.request.maps,
              "Keep scores and probabilities of LAYER.HEAD, or of\nLAYER as a mean over its "
              "heads, for tepui report and\nexport")
          ->type_name("LAYER[.HEAD]")
          ->expected(1)
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--map-sequences", a.request.map_sequences, "Maps of the first N sequences")
      ->needs(map)
      ->check(count_up_to(1 << 30))
      ->capture_default_str()
      ->type_name("N");
  command.add_option("--map-tokens", a.request.map_tokens, "and of the first N tokens of each")
      ->needs(map)
      ->check(count_up_to(4096))
      ->capture_default_str()
      ->type_name("N");
}

}  // namespace

void add_attention(CLI::App& app, int argc, char** argv, int& code) {
  auto a = std::make_shared<AttentionArguments>();
  CLI::App* command = app.add_subcommand(
      "attention", "What massive activations do to attention, by layer and head");
  add_input_options(*command, a->request, a->words);
  add_measure_options(*command, *a);
  add_edit_options(*command, a->edits);
  add_calibration_options(*command, a->request.calibration, a->request.rule);
  add_device_options(*command, a->request, a->words, "attention");
  command->add_flag("--json", a->json, "Print one JSON document instead of the tables");
  command->footer(
      "One of --text, --prompt and --ids is needed. Layers, heads and positions count from 0.\n\n"
      "  tepui attention models/Llama-3.2-1B --text book.txt --sequences 10\n"
      "  tepui attention gpt2 --text book.txt --edit 'resid_post.2:massive:massive=zero' \\\n"
      "      --map 3.5 --map 4");
  a->request.command = quoted_command(argc, argv);
  command->callback([a, &code] { code = finish_command(run(*a)); });
}

}  // namespace tepui

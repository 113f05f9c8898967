// SPDX-License-Identifier: MIT
// tepui perplexity
#include <fmt/format.h>

#include <memory>
#include <optional>

#include "commands.h"
#include "run_options.h"
#include "study/json_values.h"
#include "study/perplexity.h"
#include "study/token_file.h"
#include "terminal.h"
#include "usage.h"

namespace tepui {

namespace {

struct PerplexityArguments {
  PerplexityRequest request;
  RunWords words;
  std::optional<std::string> tokens;
  bool json = false;
};

Status run(PerplexityArguments& a) {
  TEPUI_TRY(complete_request(a.request, a.words, "perplexity"));
  a.request.json = a.json;
  a.request.keep_tokens = a.tokens.has_value();
  ProgressBar bar("perplexity");
  auto outcome = run_perplexity(a.request, bar.callbacks());
  bar.close();
  if (!outcome) return tl::unexpected(outcome.error());
  if (!outcome->plan.empty()) return print_plan(*outcome);
  TEPUI_TRY(StoreReader store, StoreReader::open(outcome->folder));
  TEPUI_TRY(const ScoredRun scored, read_scores(store));
  if (a.tokens) TEPUI_TRY(write_token_file(store, *a.tokens));
  const std::string text =
      a.json ? json_text(perplexity_json(scored)) : perplexity_table(scored, table_width());
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!a.json) {
    if (a.tokens) fmt::print("\nEvery token's log-likelihood is in {}.\n", *a.tokens);
    fmt::print("\nStored in {} ({}).\n", outcome->folder.string(), what_was_done(*outcome));
  }
  return flush_output();
}

}  // namespace

void add_perplexity(CLI::App& app, int argc, char** argv, int& code) {
  auto a = std::make_shared<PerplexityArguments>();
  CLI::App* command = app.add_subcommand("perplexity", "Perplexity of a model on texts");
  add_input_options(*command, a->request, a->words);
  add_protocol_options(*command, a->request, a->words);
  command
      ->add_option("--tokens", a->tokens,
                   "Write every token's log-likelihood to FILE (CSV) and\nkeep it in the store")
      ->type_name("FILE");
  add_device_options(*command, a->request, a->words, "perplexity");
  command->add_flag("--json", a->json, "Print one JSON document instead of the table");
  command->footer(
      "One of --text, --prompt and --ids is needed. perplexity = exp(nll / tokens): nll is the "
      "sum\n"
      "of -log p over the predicted tokens, in nats; a piece's first token is not predicted.\n\n"
      "  tepui perplexity models/Llama-2-7b-hf --text wiki.test.raw --documents lines \\\n"
      "      --joiner '\\n\\n' --context 4096 --bos no");
  a->request.command = quoted_command(argc, argv);
  command->callback([a, &code] { code = finish_command(run(*a)); });
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
// tepui words
#include <fmt/format.h>

#include <memory>
#include <optional>

#include "commands.h"
#include "study/json_values.h"
#include "study/sensitivity_report.h"
#include "terminal.h"
#include "usage.h"

namespace tepui {

namespace {

struct WordsArguments {
  std::string folder;
  SensitivityOptions options;
  std::optional<std::string> tokens;
  bool json = false;
};

Status run(const WordsArguments& a) {
  TEPUI_TRY(StoreReader store, StoreReader::open(a.folder));
  TEPUI_TRY(const Sensitivity sensitivity, read_sensitivity(store, a.options));
  if (a.tokens) TEPUI_TRY(write_sensitive_tokens(sensitivity, *a.tokens));
  const std::string text = a.json ? json_text(sensitivity_json(sensitivity))
                                  : sensitivity_table(sensitivity, table_width());
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (a.tokens && !a.json) fmt::print("\nEvery token is in {}.\n", *a.tokens);
  return flush_output();
}

}  // namespace

void add_words(CLI::App& app, int& code) {
  auto a = std::make_shared<WordsArguments>();
  CLI::App* command = app.add_subcommand(
      "words", "Which words an intervention costs most, and whether sentences cohere");
  command->add_option("DIR", a->folder, "The folder of an intervention's results")
      ->required()
      ->type_name("");
  command
      ->add_option("--conllu", a->options.conllu,
                   "Words and tags of each text (CoNLL-U), instead of\nrules for English")
      ->type_name("FILE");
  command->add_option("--resamples", a->options.bootstrap.resamples, "Of the bootstrap")
      ->check(count_up_to(1000000))
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--seed", a->options.bootstrap.seed, "Of the bootstrap")
      ->check(count_up_to(INT64_MAX))
      ->type_name("N")
      ->capture_default_str();
  command
      ->add_option("--after-boundary", a->options.after_boundary,
                   "So many tokens behind the end of a sentence are looked\nat apart")
      ->check(count_up_to(1000))
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--tokens", a->tokens, "Write every token to FILE (CSV)")->type_name("FILE");
  command->add_flag("--json", a->json, "Print one JSON document instead of the tables");
  command->callback([a, &code] { code = finish_command(run(*a)); });
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
// tepui choices
#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "edit_options.h"
#include "run_options.h"
#include "study/choices.h"
#include "study/json_values.h"
#include "terminal.h"
#include "usage.h"

namespace tepui {

namespace {

struct ChoicesArguments {
  ChoicesRequest request;
  RunWords words;
  EditWords edits;
  bool json = false;
};

Status run(ChoicesArguments& a) {
  TEPUI_TRY(complete_words(a.request, a.words));
  TEPUI_TRY(a.request.branches, branch_requests(a.edits));
  ProgressBar bar("choices");
  auto result = run_choices(a.request, bar.callbacks());
  bar.close();
  if (!result) return tl::unexpected(result.error());
  const std::string text =
      a.json ? json_text(choices_json(*result)) : choices_table(*result, table_width());
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!a.json) {
    fmt::print("\n{} computed, {} tokens in {:.2f} s{}\n",
               result->computed == 1 ? "1 item" : fmt::format("{} items", result->computed),
               result->rows, result->seconds,
               result->shared ? ""
               : result->fits ? " (these edits look at whole sequences: none are shared)"
                              : " (within --memory nothing is kept of them: none are shared)");
    if (a.request.out) fmt::print("Results by item are in {}.\n", a.request.out->string());
  }
  return flush_output();
}

}  // namespace

void add_choices(CLI::App& app, int argc, char** argv, int& code) {
  auto a = std::make_shared<ChoicesArguments>();
  CLI::App* command =
      app.add_subcommand("choices", "Accuracy on multiple-choice tasks, unedited and edited");
  add_model_argument(*command, a->request);
  command
      ->add_option("--tasks", a->request.tasks,
                   "Files with one item a line:\n"
                   "{\"context\": \"...\", \"choices\": [\" a\", \" b\"], \"answer\": 0}")
      ->required()
      ->type_name("FILE.jsonl");
  command->add_option("--limit", a->request.limit, "At most so many items of each file")
      ->check(count_up_to(1 << 30))
      ->type_name("N");
  add_tokenizer_options(*command, a->request, a->words);
  add_edit_options(*command, a->edits);
  add_calibration_options(*command, a->request.calibration, a->request.rule);
  add_backend_options(*command, a->request, a->words);
  command
      ->add_option("--out", a->request.out,
                   "Results by item, JSON lines; the same command goes on\nwhere it stopped")
      ->type_name("FILE");
  command->add_flag("--json", a->json, "Print one JSON document instead of the table");
  command->footer(
      std::string("The choice with the largest log-likelihood behind its context counts: as it is, "
                  "or divided by\n"
                  "the choice's length in characters (lm-evaluation-harness's acc_norm), bytes or "
                  "tokens. A choice\n"
                  "follows its context as it stands, so that it mostly begins with a blank.\n") +
      kEditGrammar +
      "\n  tepui choices models/Llama-2-7b-hf --tasks boolq.jsonl piqa.jsonl \\\n"
      "      --edit 'resid_post.first-massive:massive:massive=zero' --out items.jsonl");
  a->request.command = quoted_command(argc, argv);
  command->callback([a, &code] { code = finish_command(run(*a)); });
}

}  // namespace tepui

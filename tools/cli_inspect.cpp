// SPDX-License-Identifier: MIT
// tepui inspect
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "commands.h"
#include "study/inspect.h"
#include "study/scan_json.h"
#include "terminal.h"

namespace tepui {

namespace {

struct InspectArguments {
  std::string model;
  std::optional<std::filesystem::path> tokenizer;
  bool json = false;
};

Status run(const InspectArguments& arguments) {
  TEPUI_TRY(const ModelReport report, inspect_model(arguments.model, arguments.tokenizer));
  std::string text =
      arguments.json ? json_text(inspect_json(report)) : inspect_text(report, terminal_width());
  if (!text.ends_with('\n')) text += '\n';
  std::fwrite(text.data(), 1, text.size(), stdout);
  return flush_output();
}

}  // namespace

void add_inspect(CLI::App& app, int& code) {
  auto a = std::make_shared<InspectArguments>();
  CLI::App* command = app.add_subcommand(
      "inspect", "What a model is: architecture, sizes, sites, what runs it, the memory it needs");
  command
      ->add_option(
          "MODEL", a->model,
          "A model folder, a .gguf file or a llama2.c .bin file;\nits weights are not read")
      ->required()
      ->type_name("");
  command
      ->add_option("--tokenizer", a->tokenizer,
                   "A tokenizer file or folder, where the model has none")
      ->type_name("FILE");
  command->add_flag("--json", a->json, "Print one JSON document instead of the text");
  command->callback([a, &code] { code = finish_command(run(*a)); });
}

}  // namespace tepui

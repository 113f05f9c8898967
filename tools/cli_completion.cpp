// SPDX-License-Identifier: MIT
// tepui completion
#include <cstdio>
#include <memory>
#include <string>

#include "commands.h"
#include "completion.h"
#include "usage.h"

namespace tepui {

std::string single_quoted(const std::string& text) {
  std::string out = "'";
  for (const char letter : text)
    out += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  return out + "'";
}

std::string brief(const std::string& description) {
  return description.substr(0, description.find(" (default"));
}

namespace {

Status run(CLI::App& app, const std::string& shell) {
  const ProgramFacts program = program_facts(app);
  const std::string script = shell == "bash"  ? bash_completion(program)
                             : shell == "zsh" ? zsh_completion(program)
                                              : fish_completion(program);
  std::fwrite(script.data(), 1, script.size(), stdout);
  return flush_output();
}

}  // namespace

void add_completion(CLI::App& app, int& code) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("completion", "Print the completion script for bash, zsh or fish");
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(one_of({"bash", "zsh", "fish"}))
      ->type_name("");
  command->footer(
      "For the shell in hand:\n\n"
      "  source <(tepui completion bash)\n"
      "  source <(tepui completion zsh)      # after compinit\n"
      "  tepui completion fish | source\n\n"
      "Installing the program puts them where shells look.");
  command->callback([&app, shell, &code] { code = finish_command(run(app, *shell)); });
}

}  // namespace tepui

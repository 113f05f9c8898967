// SPDX-License-Identifier: MIT
// tepui man
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "commands.h"
#include "man_page.h"
#include "store/output_file.h"
#include "usage.h"

namespace tepui {

namespace {

struct ManArguments {
  std::string command;
  std::string out;
};

Status write_page(const std::filesystem::path& path, const std::string& page) {
  TEPUI_TRY(OutputFile file, OutputFile::create(path));
  TEPUI_TRY(file.write(page));
  TEPUI_TRY(file.commit());
  fmt::print("{}\n", path.string());
  return {};
}

Status write_all_pages(const ProgramFacts& program, const std::filesystem::path& folder) {
  TEPUI_TRY(write_page(folder / page_file(program, nullptr), program_page(program)));
  for (const CommandFacts& command : program.commands)
    TEPUI_TRY(write_page(folder / page_file(program, &command), command_page(program, command)));
  return flush_output();
}

Status run(CLI::App& app, const ManArguments& a) {
  const ProgramFacts program = program_facts(app);
  const CommandFacts* command = program.command(a.command);
  if (!a.command.empty() && command == nullptr) {
    std::string names;
    for (const CommandFacts& known : program.commands)
      names += (names.empty() ? "" : ", ") + known.name;
    return fail(ErrorKind::usage, "man: expected a command ({}), found '{}'", names, a.command);
  }
  if (!a.out.empty()) {
    if (command != nullptr)
      return fail(ErrorKind::usage, "man: --out writes every page; leave the command out");
    return write_all_pages(program, a.out);
  }
  const std::string page =
      command == nullptr ? program_page(program) : command_page(program, *command);
  std::fwrite(page.data(), 1, page.size(), stdout);
  return flush_output();
}

}  // namespace

void add_man(CLI::App& app, int& code) {
  auto a = std::make_shared<ManArguments>();
  CLI::App* man =
      app.add_subcommand("man", "Print the manual page of a command, or of tepui, in roff");
  man->add_option("COMMAND", a->command, "The command (default: the page of tepui itself)")
      ->type_name("");
  man->add_option("--out", a->out, "Write every page to this folder instead")->type_name("DIR");
  man->footer("To read one without installing it:\n\n  tepui man scan | man -l -");
  man->callback([&app, a, &code] { code = finish_command(run(app, *a)); });
}

}  // namespace tepui

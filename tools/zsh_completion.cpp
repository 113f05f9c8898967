// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "completion.h"

namespace tepui {

namespace {

// Inside an _arguments specification these would end a part of it.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char letter : text) {
    if (letter == '[' || letter == ']' || letter == ':' || letter == '\\') out += '\\';
    out += letter;
  }
  return out;
}

std::string action(const OptionFacts& value) {
  switch (value.kind) {
    case ValueKind::file: return "_files";
    case ValueKind::folder: return "_files -/";
    case ValueKind::word: return fmt::format("({})", fmt::join(value.words, " "));
    case ValueKind::list:
      return fmt::format("_values -s , {} {}", escaped(value.value), fmt::join(value.words, " "));
    default: return " ";  // a blank: something is expected, nothing can be offered
  }
}

// One specification for each spelling, each of which excludes all of them.
std::string option_spec(const OptionFacts& option) {
  std::string text;
  for (const std::string& name : option.names) {
    std::string spec = option.repeats ? "*" : fmt::format("({})", fmt::join(option.names, " "));
    spec += name;
    if (option.kind != ValueKind::flag && name.starts_with("--") && !option.repeats) spec += "=";
    spec += "[" + escaped(brief(option.description)) + "]";
    // Several values: all words up to the next option.
    if (option.kind != ValueKind::flag)
      spec += fmt::format("{}:{}:{}", option.repeats ? ":*-*" : "", escaped(option.value),
                          action(option));
    text += " \\\n        " + single_quoted(spec);
  }
  return text;
}

std::string argument_spec(const OptionFacts& argument, int place) {
  const std::string where =
      argument.repeats ? "*" : fmt::format("{}{}", place, argument.required ? "" : ":");
  return " \\\n        " +
         single_quoted(fmt::format("{}:{}:{}", where, escaped(argument.value), action(argument)));
}

std::string specs(const CommandFacts& facts) {
  std::string text;
  for (const OptionFacts& option : facts.options) text += option_spec(option);
  int place = 1;
  for (const OptionFacts& argument : facts.arguments) text += argument_spec(argument, place++);
  return text;
}

}  // namespace

std::string zsh_completion(const ProgramFacts& program) {
  std::string names;
  std::string cases;
  for (const CommandFacts& command : program.commands) {
    names +=
        "    " + single_quoted(command.name + ":" + escaped(brief(command.description))) + "\n";
    cases +=
        fmt::format("    {})\n      _arguments -S{}\n      ;;\n", command.name, specs(command));
  }
  return fmt::format(
      "#compdef tepui\n"
      "# Completion of tepui for zsh, written by `tepui completion zsh`.\n\n"
      "_tepui() {{\n"
      "  local curcontext=$curcontext state line\n"
      "  local -A opt_args\n"
      "  local -a commands=(\n{}  )\n"
      "  _arguments -C{} \\\n"
      "        '1: :->command' '*:: :->rest' && return\n"
      "  case $state in\n"
      "    command) _describe -t commands command commands; return ;;\n"
      "  esac\n"
      "  case $line[1] in\n{}  esac\n"
      "}}\n\n"
      "# As a file of fpath it is called; sourced, it is registered.\n"
      "if [[ $funcstack[1] == _tepui ]]; then\n"
      "  _tepui \"$@\"\n"
      "else\n"
      "  compdef _tepui tepui\n"
      "fi\n",
      names, specs(program.self), cases);
}

}  // namespace tepui

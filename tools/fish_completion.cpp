// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "completion.h"

namespace tepui {

namespace {

// fish takes a backslash before these inside single quotes, and nothing else.
std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char letter : text) {
    if (letter == '\'' || letter == '\\') out += '\\';
    out += letter;
  }
  return out + "'";
}

// What completes a value; "-x": it takes one, and files are not offered beside.
std::string candidates(const OptionFacts& value) {
  const std::string words = fmt::format("{}", fmt::join(value.words, " "));
  switch (value.kind) {
    case ValueKind::flag: return "";
    case ValueKind::free: return " -x";
    case ValueKind::file: return " -r -F";
    case ValueKind::folder: return " -x -a '(__fish_complete_directories)'";
    case ValueKind::word: return " -x -a " + fish_quoted(words);
    case ValueKind::list: return " -x -a " + fish_quoted("(__tepui_list " + words + ")");
  }
  return "";
}

std::string option_line(const std::string& condition, const OptionFacts& option) {
  std::string line = fmt::format("complete -c tepui -n {}", fish_quoted(condition));
  for (const std::string& name : option.names)
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  return line + candidates(option) + " -d " + fish_quoted(brief(option.description)) + "\n";
}

std::string argument_line(const std::string& command, int place, const OptionFacts& argument) {
  if (argument.kind == ValueKind::free) return "";
  const std::string condition =
      fmt::format("__tepui_at {} {}", command, argument.repeats ? 0 : place);
  std::string offer = candidates(argument);
  if (argument.kind == ValueKind::file) offer = " -F";
  if (offer.starts_with(" -x")) offer = " -f" + offer.substr(3);
  return fmt::format("complete -c tepui -n {}{}\n", fish_quoted(condition), offer);
}

constexpr const char* kFunctions =
    R"fish(# Whether COMMAND is the one in hand; alone: whether there is one yet.
function __tepui_in
    set -l words (commandline -opc)
    if test (count $argv) -eq 0
        test (count $words) -eq 1
    else
        test (count $words) -gt 1; and test $words[2] = $argv[1]
    end
end

# Whether argument PLACE of COMMAND comes next; 0: any. Behind an option its value cannot be told
# from an argument here, so the argument is offered then.
function __tepui_at
    __tepui_in $argv[1]; or return
    test $argv[2] -eq 0; and return
    set -l words (commandline -opc)
    test (count (string match -v -- '-*' $words[3..])) -lt $argv[2]
    or test (count (string match -- '-*' $words[3..])) -gt 0
end

# Words after the last comma of the token in hand.
function __tepui_list
    set -l head (string match -r -- '^.*,' (commandline -ct | string replace -r -- '^--[^=]*=' ''))
    set -q head[1]; or set head ''
    printf '%s\n' $head$argv
end

complete -c tepui -f
)fish";

}  // namespace

std::string fish_completion(const ProgramFacts& program) {
  std::string text = "# Completion of tepui for fish, written by `tepui completion fish`.\n\n";
  text += kFunctions;
  for (const OptionFacts& option : program.self.options) text += option_line("__tepui_in", option);
  for (const CommandFacts& command : program.commands)
    text += fmt::format("complete -c tepui -n __tepui_in -a {} -d {}\n", command.name,
                        fish_quoted(brief(command.description)));
  for (const CommandFacts& command : program.commands) {
    text += "\n";
    for (const OptionFacts& option : command.options)
      text += option_line("__tepui_in " + command.name, option);
    int place = 1;
    for (const OptionFacts& argument : command.arguments)
      text += argument_line(command.name, place++, argument);
  }
  return text;
}

}  // namespace tepui

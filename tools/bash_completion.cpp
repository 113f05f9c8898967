// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "completion.h"

namespace tepui {

namespace {

// What the generated tables are read by. It walks the words before the cursor to know the command,
// an option that waits for its value, and which argument comes next.
constexpr const char* kWalk = R"sh(
# What value an option or the argument of a number takes: sets kind, words and many.
_tepui_value() {
  kind=flag words= many=
  _tepui_table "$1 $2"
}

_tepui_offer() {
  local list=
  case $kind in
    word) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    list)
      [[ $current == *,* ]] && list=${current%,*},
      COMPREPLY=($(compgen -P "$list" -W "$words" -- "${current##*,}"))
      compopt -o nospace
      ;;
    file) compopt -o default ;;
    folder) compopt -o dirnames ;;
  esac
}

_tepui() {
  local current=${COMP_WORDS[COMP_CWORD]} command= waiting= argument=1 i word kind words many
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $word == = ]]; then
      continue # bash cuts --option=value in three
    elif [[ $word == -* ]]; then
      _tepui_value "$command" "${word%%=*}"
      waiting=
      [[ $kind == flag || $word == *=* ]] || waiting=$word
    elif [[ $waiting ]]; then
      _tepui_value "$command" "$waiting"
      [[ $many ]] || waiting=
    elif [[ ! $command ]]; then
      command=$word
    else
      _tepui_value "$command" "$argument"
      [[ $many ]] || ((argument++))
    fi
  done
  [[ $current == = ]] && current=
  if [[ $waiting && $current != -* ]]; then
    _tepui_value "$command" "$waiting"
    _tepui_offer
  elif [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$(_tepui_options "$command")" -- "$current"))
  elif [[ ! $command ]]; then
    COMPREPLY=($(compgen -W "$_tepui_commands" -- "$current"))
  else
    _tepui_value "$command" "$argument"
    if [[ $kind == flag ]]; then
      COMPREPLY=($(compgen -W "$(_tepui_options "$command")" -- "$current"))
    else
      _tepui_offer
    fi
  fi
}

complete -F _tepui tepui
)sh";

const char* kind_word(ValueKind kind) {
  switch (kind) {
    case ValueKind::flag: return "flag";
    case ValueKind::free: return "free";
    case ValueKind::file: return "file";
    case ValueKind::folder: return "folder";
    case ValueKind::word: return "word";
    case ValueKind::list: return "list";
  }
  return "";
}

std::string value_case(const std::string& patterns, const OptionFacts& value) {
  std::string line = fmt::format("    {}) kind={}", patterns, kind_word(value.kind));
  if (!value.words.empty())
    line += " words=" + single_quoted(fmt::format("{}", fmt::join(value.words, " ")));
  return line + (value.repeats ? " many=1 ;;\n" : " ;;\n");
}

std::string value_cases(const std::string& command, const CommandFacts& facts) {
  std::string text;
  for (const OptionFacts& option : facts.options) {
    if (option.kind == ValueKind::flag) continue;
    std::vector<std::string> patterns;
    for (const std::string& name : option.names)
      patterns.push_back(single_quoted(command + " " + name));
    text += value_case(fmt::format("{}", fmt::join(patterns, " | ")), option);
  }
  int place = 1;
  for (const OptionFacts& argument : facts.arguments)
    text += value_case(single_quoted(fmt::format("{} {}", command, place++)), argument);
  return text;
}

std::string option_case(const std::string& command, const CommandFacts& facts) {
  std::vector<std::string> names;
  for (const OptionFacts& option : facts.options)
    names.insert(names.end(), option.names.begin(), option.names.end());
  return fmt::format("    {}) echo {} ;;\n", single_quoted(command),
                     single_quoted(fmt::format("{}", fmt::join(names, " "))));
}

}  // namespace

std::string bash_completion(const ProgramFacts& program) {
  std::vector<std::string> commands;
  std::string options = option_case("", program.self);
  std::string values = value_cases("", program.self);
  for (const CommandFacts& command : program.commands) {
    commands.push_back(command.name);
    options += option_case(command.name, command);
    values += value_cases(command.name, command);
  }
  return fmt::format(
             "# Completion of tepui for bash, written by `tepui completion bash`.\n\n"
             "_tepui_commands={}\n\n"
             "_tepui_options() {{\n  case $1 in\n{}  esac\n}}\n\n"
             "_tepui_table() {{\n  case $1 in\n{}  esac\n}}\n",
             single_quoted(fmt::format("{}", fmt::join(commands, " "))), options, values) +
         kWalk;
}

}  // namespace tepui

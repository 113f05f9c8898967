// SPDX-License-Identifier: MIT
// The command line as data, read from CLI11's own objects once every command has added itself:
// shell completions and man pages are written from it, so that no list of commands, options or
// values is kept a second time.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace tepui {

// What can stand where a value is expected.
enum class ValueKind {
  flag,    // an option without a value
  free,    // a number, a text: nothing to offer
  file,    // FILE in its value's name
  folder,  // DIR in its value's name
  word,    // one of `words`
  list,    // several of `words`, separated by commas
};

// An option, or an argument that is known by its place.
struct OptionFacts {
  std::vector<std::string> names;  // with their dashes, short ones first; none: an argument
  std::string value;               // FILE, N, ...: the value's name, or the argument's
  std::string description;         // one line
  std::string fallback;            // the default as the help shows it; may be empty
  ValueKind kind = ValueKind::free;
  std::vector<std::string> words;
  bool repeats = false;  // takes any number of values, one after the other
  bool required = false;
};

struct CommandFacts {
  std::string name;
  std::string description;
  std::string footer;  // lines that begin with a blank are examples
  std::vector<OptionFacts> options;
  std::vector<OptionFacts> arguments;
};

struct ProgramFacts {
  CommandFacts self;  // the options before a command
  std::vector<CommandFacts> commands;

  const CommandFacts* command(const std::string& name) const;  // null: there is none
};

ProgramFacts program_facts(CLI::App& app);

}  // namespace tepui

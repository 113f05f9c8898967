// SPDX-License-Identifier: MIT
#include "option_facts.h"

#include <algorithm>

#include "usage.h"

namespace tepui {

namespace {

// Descriptions hold line breaks for the help's columns.
std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

ValueKind kind_of(const std::string& value) {
  if (value.find("FILE") != std::string::npos || value == "MODEL") return ValueKind::file;
  if (value.find("DIR") != std::string::npos) return ValueKind::folder;
  return ValueKind::free;
}

OptionFacts facts_of(CLI::Option& option) {
  OptionFacts facts;
  for (const std::string& name : option.get_snames()) facts.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) facts.names.push_back("--" + name);
  facts.description = one_line(option.get_description());
  facts.fallback = option.get_default_str();
  facts.required = option.get_required();
  facts.repeats = option.get_expected_max() > 1;
  if (option.get_items_expected_max() == 0) {
    facts.kind = ValueKind::flag;
    return facts;
  }
  facts.value = facts.names.empty() ? option.get_name(true) : option.get_type_name();
  facts.kind = kind_of(facts.value);
  const Offer offer = offer_of(option);
  if (offer.words.empty()) return facts;
  facts.words = offer.words;
  facts.kind = offer.list ? ValueKind::list : ValueKind::word;
  return facts;
}

CommandFacts facts_of(CLI::App& app) {
  CommandFacts facts;
  facts.name = app.get_name();
  facts.description = app.get_description();
  facts.footer = app.get_footer();
  for (CLI::Option* option : app.get_options([](const CLI::Option* o) {
         return !o->get_group().empty();  // without a group it is hidden
       }))
    (option->nonpositional() ? facts.options : facts.arguments).push_back(facts_of(*option));
  return facts;
}

// An argument COMMAND names one of the program's own.
void offer_commands(std::vector<OptionFacts>& values, const std::vector<std::string>& names) {
  for (OptionFacts& value : values) {
    if (value.value != "COMMAND") continue;
    value.kind = ValueKind::word;
    value.words = names;
  }
}

}  // namespace

const CommandFacts* ProgramFacts::command(const std::string& name) const {
  const auto found = std::ranges::find(commands, name, &CommandFacts::name);
  return found == commands.end() ? nullptr : &*found;
}

ProgramFacts program_facts(CLI::App& app) {
  ProgramFacts facts;
  facts.self = facts_of(app);
  std::vector<std::string> names;
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    if (command->get_group().empty()) continue;
    facts.commands.push_back(facts_of(*command));
    names.push_back(command->get_name());
  }
  for (CommandFacts& command : facts.commands) {
    offer_commands(command.options, names);
    offer_commands(command.arguments, names);
  }
  return facts;
}

}  // namespace tepui

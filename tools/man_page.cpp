// SPDX-License-Identifier: MIT
#include "man_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <sstream>

#include "study/scan.h"

namespace tepui {

namespace {

// Text that roff takes for itself: no escapes, no requests. Dashes are those that can be typed.
std::string plain(const std::string& text) {
  std::string out;
  for (const char letter : text) {
    switch (letter) {
      case '\\': out += "\\e"; break;
      case '-': out += "\\-"; break;
      case '\'': out += "\\(aq"; break;
      case '`': out += "\\(ga"; break;
      case '^': out += "\\(ha"; break;
      case '~': out += "\\(ti"; break;
      default: out += letter;
    }
  }
  return out.starts_with('.') ? "\\&" + out : out;
}

std::string bold(const std::string& text) { return "\\fB" + plain(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + plain(text) + "\\fR"; }

// Paragraphs as they are written for the help: lines are joined, blank lines end a paragraph, lines
// that begin with a blank are examples and stay as they are.
std::string paragraphs(const std::string& text) {
  std::istringstream lines(text);
  std::string out;
  bool example = false;
  bool fresh = true;
  for (std::string line; std::getline(lines, line);) {
    const bool indented = line.starts_with(' ');
    if (example && !indented) out += ".EE\n";
    if (indented && !example) out += ".PP\n.EX\n";
    if (!indented && !line.empty() && (fresh || example)) out += ".PP\n";
    example = indented;
    fresh = line.empty();
    if (!line.empty()) out += plain(line) + "\n";
  }
  return out + (example ? ".EE\n" : "");
}

std::string header(const ProgramFacts& program, const std::string& title) {
  std::string upper = title;
  std::ranges::transform(upper, upper.begin(),
                         [](unsigned char letter) { return std::toupper(letter); });
  return fmt::format(".\\\" Written by `{} man`.\n.TH {} 1 \"\" \"{} {}\" \"{}\"\n",
                     program.self.name, plain(upper), program.self.name, tepui_version(), "Tepui");
}

std::string name_section(const std::string& title, const std::string& description) {
  std::string first = description.substr(0, description.find_first_of(".:\n"));
  if (!first.empty() && std::isupper(static_cast<unsigned char>(first[0])) &&
      !std::isupper(static_cast<unsigned char>(first[std::min<std::size_t>(1, first.size() - 1)])))
    first[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(first[0])));
  return fmt::format(".SH NAME\n{} \\- {}\n", plain(title), plain(first));
}

std::string option_entry(const OptionFacts& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.names) names.push_back(bold(name));
  if (names.empty()) names.push_back(italic(option.value));
  std::string text = fmt::format(".TP\n{}", fmt::join(names, ", "));
  if (!option.names.empty() && option.kind != ValueKind::flag)
    text += " " + italic(option.value) + (option.repeats ? " ..." : "");
  text += "\n" + plain(option.description);
  text += option.description.ends_with('.') ? "\n" : ".\n";
  if (!option.fallback.empty()) text += fmt::format("Default: {}.\n", bold(option.fallback));
  if (option.kind == ValueKind::word || option.kind == ValueKind::list)
    text += fmt::format("{}: {}.\n", option.kind == ValueKind::list ? "Words" : "Values",
                        plain(fmt::format("{}", fmt::join(option.words, ", "))));
  return text;
}

std::string option_section(const CommandFacts& facts) {
  std::string text;
  if (!facts.arguments.empty()) text += ".SH ARGUMENTS\n";
  for (const OptionFacts& argument : facts.arguments) text += option_entry(argument);
  if (!facts.options.empty()) text += ".SH OPTIONS\n";
  for (const OptionFacts& option : facts.options) text += option_entry(option);
  return text;
}

std::string synopsis(const std::string& line, const CommandFacts& facts) {
  std::string text = ".SH SYNOPSIS\n" + bold(line);
  for (const OptionFacts& argument : facts.arguments) {
    const std::string name = italic(argument.value) + (argument.repeats ? " ..." : "");
    text += argument.required ? " " + name : " [" + name + "]";
  }
  return text + (facts.options.empty() ? "\n" : " [" + italic("options") + "]\n");
}

std::string page_name(const ProgramFacts& program, const CommandFacts* command) {
  return command == nullptr ? program.self.name : program.self.name + "-" + command->name;
}

std::string see_also(const ProgramFacts& program, const CommandFacts* page) {
  std::vector<std::string> names;
  if (page != nullptr) names.push_back(bold(program.self.name) + "(1)");
  for (const CommandFacts& command : program.commands)
    if (&command != page) names.push_back(bold(page_name(program, &command)) + "(1)");
  return fmt::format(".SH SEE ALSO\n{}\n", fmt::join(names, ",\n"));
}

}  // namespace

std::string page_file(const ProgramFacts& program, const CommandFacts* command) {
  return page_name(program, command) + ".1";
}

std::string program_page(const ProgramFacts& program) {
  const CommandFacts& self = program.self;
  std::string text = header(program, self.name);
  text += name_section(self.name, self.description.substr(self.description.find(' ') + 1));
  text += ".SH SYNOPSIS\n" + bold(self.name) + " " + italic("command") + " [" +
          italic("arguments") + "]\n";
  text += ".SH DESCRIPTION\n" + paragraphs(self.description);
  text += ".SH COMMANDS\n";
  for (const CommandFacts& command : program.commands)
    text += fmt::format(".TP\n{}\n{}\n", bold(command.name), plain(command.description));
  text += option_section(self);
  if (!self.footer.empty()) text += ".SH NOTES\n" + paragraphs(self.footer);
  return text + see_also(program, nullptr);
}

std::string command_page(const ProgramFacts& program, const CommandFacts& command) {
  std::string text = header(program, page_name(program, &command));
  text += name_section(page_name(program, &command), command.description);
  text += synopsis(program.self.name + " " + command.name, command);
  text += ".SH DESCRIPTION\n" + paragraphs(command.description);
  text += option_section(command);
  if (!command.footer.empty()) text += ".SH NOTES\n" + paragraphs(command.footer);
  return text + see_also(program, &command);
}

}  // namespace tepui

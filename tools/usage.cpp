// SPDX-License-Identifier: MIT
#include "usage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "backend/registry.h"
#include "commands.h"
#include "models/site_width.h"

namespace tepui {

namespace {

constexpr const char* kWordOffer = "offers-word";
constexpr const char* kListOffer = "offers-list";

// "scan, massive, export"
std::string command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return fmt::format("{}", fmt::join(names, ", "));
}

// "tepui scan" where the scan was named, "tepui" before that.
std::string command_line_so_far(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app.get_name() : app.get_name() + " " + chosen.front()->get_name();
}

// Levenshtein's distance: letters to put in, take out or change.
std::size_t letters_apart(std::string_view a, std::string_view b) {
  std::vector<std::size_t> above(b.size() + 1);
  std::iota(above.begin(), above.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(above[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = above[j + 1];
      above[j + 1] = std::min({changed, diagonal + 1, above[j] + 1});
    }
  }
  return above.back();
}

// ", did you mean --sites?", of the one option of the command that is next to it.
std::string suggestion(const CLI::App& command, std::string_view option) {
  option = option.substr(0, option.find('='));
  std::string nearest;
  std::size_t least = 3;
  for (const CLI::Option* known : command.get_options()) {
    for (const std::string& name : known->get_lnames()) {
      const std::size_t apart = letters_apart(option, "--" + name);
      if (apart >= least || 3 * apart >= option.size()) continue;
      least = apart;
      nearest = name;
    }
  }
  return nearest.empty() ? "" : fmt::format(", did you mean --{}?", nearest);
}

// "--prompt: expected once, found 2 times", of the option that was given more often than it may.
std::string too_often(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    const bool one = option->get_items_expected_max() == 1 &&
                     option->get_multi_option_policy() == CLI::MultiOptionPolicy::Throw;
    if (!one || option->count() < 2) continue;
    const std::string name = option->get_name(false, false);
    return fmt::format("{}: expected once, found {} times{}", name, option->count(),
                       name == "--edit" ? "; edits of one run are joined by ';'" : "");
  }
  return "";
}

std::string reason(const CLI::App& app, const CLI::ParseError& error) {
  // CLI11 looks for what is missing before it looks at what it does not know; a mistyped word is
  // the better explanation of both.
  const std::vector<std::string> unknown = app.remaining(true);
  if (app.get_subcommands().empty()) {
    const std::string commands = command_names(app);
    if (unknown.empty()) return fmt::format("expected a command ({}), found none", commands);
    return fmt::format("expected a command ({}), found '{}'", commands, unknown.front());
  }
  if (!unknown.empty() && unknown.front().starts_with("-"))
    return fmt::format("there is no option '{}'{}", unknown.front(),
                       suggestion(*app.get_subcommands().front(), unknown.front()));
  if (!unknown.empty() && error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError))
    return fmt::format("'{}' is one argument too many", unknown.front());
  const auto commands = app.get_subcommands();
  if (error.get_name() == "ArgumentMismatch" && !commands.empty()) {
    const std::string option = too_often(*commands.front());
    if (!option.empty()) return option;
  }
  return error.what();
}

}  // namespace

CLI::Validator count_up_to(std::int64_t most, std::int64_t least) {
  return CLI::Validator(
      [most, least](std::string& text) {
        std::int64_t number = 0;
        const char* const end = text.data() + text.size();
        const auto [next, fault] = std::from_chars(text.data(), end, number);
        if (fault == std::errc() && next == end && number >= least && number <= most)
          return std::string();
        return fmt::format("expected a whole number from {} to {}, found '{}'", least, most, text);
      },
      "");
}

CLI::Validator positive_number() {
  return CLI::Validator(
      [](std::string& text) {
        double number = 0;
        const char* const end = text.data() + text.size();
        const auto [next, fault] = std::from_chars(text.data(), end, number);
        if (fault == std::errc() && next == end && std::isfinite(number) && number > 0)
          return std::string();
        return fmt::format("expected a number above 0, found '{}'", text);
      },
      "");
}

CLI::Validator one_of(std::vector<std::string> names) {
  return offering({names, false}, CLI::Validator(
                                      [names](std::string& text) {
                                        if (std::ranges::find(names, text) != names.end())
                                          return std::string();
                                        return fmt::format("expected {}, found '{}'",
                                                           fmt::join(names, " or "), text);
                                      },
                                      ""));
}

// An offer travels as the validator's name, which CLI11 keeps with the option and shows nowhere.
CLI::Validator offering(Offer offer, CLI::Validator validator) {
  validator.name(
      fmt::format("{} {}", offer.list ? kListOffer : kWordOffer, fmt::join(offer.words, " ")));
  return validator;
}

Offer offer_of(CLI::Option& option) {
  Offer offer;
  for (int index = 0;; ++index) {
    const CLI::Validator* validator = nullptr;
    try {
      validator = option.get_validator(index);
    } catch (const CLI::OptionNotFound&) {
      return offer;  // CLI11 does not tell how many there are
    }
    std::istringstream name(validator->get_name());
    std::string word;
    if (!(name >> word) || (word != kListOffer && word != kWordOffer)) continue;
    offer.list = word == kListOffer;
    while (name >> word) offer.words.push_back(word);
  }
}

std::vector<std::string> site_words() {
  std::vector<std::string> words{"all"};
  for (std::size_t i = 0; i < kSites; ++i) {
    const auto site = static_cast<Site>(i);
    if (std::ranges::any_of(all_architectures(), [&](const ArchSpec* arch) {
          ModelSpec spec;
          spec.arch = arch;
          spec.form = arch->form;
          return site_width(spec, site).has_value();
        }))
      words.emplace_back(site_name(site));
  }
  return words;
}

void add_rule_options(CLI::App& command, MassiveRule& rule) {
  command.add_option("--min-abs", rule.min_abs, "Massive: |x| above this")
      ->check(positive_number())
      ->type_name("X")
      ->capture_default_str();
  command
      .add_option("--min-ratio", rule.min_ratio,
                  "and above this many times the sequence's median of |x|")
      ->check(positive_number())
      ->type_name("X")
      ->capture_default_str();
}

void add_stored_rule_options(CLI::App& command, RuleChoice& choice) {
  command
      .add_option("--min-abs", choice.min_abs,
                  "Massive: |x| above this (default: what the run was\nmade with; of runs that "
                  "differ 100)")
      ->check(positive_number())
      ->type_name("X");
  command
      .add_option("--min-ratio", choice.min_ratio,
                  "and above this many times the sequence's median of |x|\n(default: what the run "
                  "was made with; of runs that\ndiffer 1000)")
      ->check(positive_number())
      ->type_name("X");
}

CLI::Validator backend_name() {
  return offering({{"auto", "cpu", "vulkan", "reference"}, false},
                  CLI::Validator(
                      [](std::string& name) {
                        if (known_backend(name)) return std::string();
                        return fmt::format(
                            "expected auto or cpu or vulkan or vulkan:N or reference, found '{}'",
                            name);
                      },
                      ""));
}

int finish_parse(CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) {
    app.exit(error);
    return finish_command(flush_output());
  }
  const std::string command = command_line_so_far(app);
  return finish_command(
      fail(ErrorKind::usage, "{} ({} --help tells what there is)", reason(app, error), command));
}

}  // namespace tepui

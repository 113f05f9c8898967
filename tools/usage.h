// SPDX-License-Identifier: MIT
// What the command line itself may be: validators whose messages say what was expected and found,
// and the one line for a command line that cannot be understood.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "study/massive.h"
#include "study/stored_rule.h"

namespace tepui {

// A whole number from `least` to `most`.
CLI::Validator count_up_to(std::int64_t most, std::int64_t least = 1);
// A finite number above 0.
CLI::Validator positive_number();
CLI::Validator one_of(std::vector<std::string> names);
// What --backend takes, on some machine.
CLI::Validator backend_name();

// Words that shells complete an option's value with. one_of offers its names; where a validator
// allows more than can be listed, or there is none, `offering` says what to offer.
struct Offer {
  std::vector<std::string> words;
  bool list = false;  // several, separated by commas
};
CLI::Validator offering(Offer offer, CLI::Validator validator = {});
Offer offer_of(CLI::Option& option);  // without words: nothing is known

// Every site that some model has, and `all`: for --sites.
std::vector<std::string> site_words();

// --min-abs and --min-ratio: what counts as massive.
void add_rule_options(CLI::App& command, MassiveRule& rule);

// The same for what is stored: what is not given is the run's own.
void add_stored_rule_options(CLI::App& command, RuleChoice& choice);

// Prints why CLI11 refused, one line on stderr; 2, the exit code. Prints the help or the version
// where that was asked for; 0, or 1 where standard output refuses it.
int finish_parse(CLI::App& app, const CLI::ParseError& error);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// What the command line itself may be: validators whose messages say what was expected and found,
// and the one line for a command line that cannot be understood.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace tepui {

// A whole number from `least` to `most`.
CLI::Validator count_up_to(std::int64_t most, std::int64_t least = 1);
// A finite number above 0.
CLI::Validator positive_number();
CLI::Validator one_of(std::vector<std::string> names);

// Prints why CLI11 refused, one line on stderr; 2, the exit code. Prints the help or the version
// where that was asked for; 0, or 1 where standard output refuses it.
int finish_parse(CLI::App& app, const CLI::ParseError& error);

}  // namespace tepui

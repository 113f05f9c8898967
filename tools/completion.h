// SPDX-License-Identifier: MIT
// Completion scripts for shells, written from the program's own options: commands, options, their
// choices, and files or folders where those are expected. Nothing else is needed to use one.
#pragma once

#include <string>

#include "option_facts.h"

namespace tepui {

std::string bash_completion(const ProgramFacts& program);
std::string zsh_completion(const ProgramFacts& program);
std::string fish_completion(const ProgramFacts& program);

// Text in single quotes, as all three take it.
std::string single_quoted(const std::string& text);
// The description's first clause: what fits beside a candidate.
std::string brief(const std::string& description);

}  // namespace tepui

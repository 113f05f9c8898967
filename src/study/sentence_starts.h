// SPDX-License-Identifier: MIT
// Which tokens begin a sentence: those with the first letter (or whatever is no white space, no
// closing quote or bracket) behind . ! or ? and white space, or behind an empty line.
// Abbreviations count as ends.
#pragma once

#include <string>
#include <vector>

namespace tepui {

// By token, whose bytes are given; the first one begins none, since what stood before is unknown.
std::vector<bool> sentence_starts(const std::vector<std::string>& tokens);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// How a pattern cuts a piece of text: what the pattern is (regex, literal string, class of
// characters) and what becomes of its matches (the five delimiter behaviours of tokenizer.json).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "input/regex.h"

namespace tepui::input {

enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

// The container's spelling ("MergedWithPrevious"); nothing for an unknown one.
std::optional<SplitBehavior> split_behavior(std::string_view name);

enum class CharacterClass { white_space, numeric, punctuation };

using Pattern = std::variant<Regex, std::string, CharacterClass>;

// All matches of the pattern, left to right. A character class matches one character at a time.
Status find_matches(const Pattern& pattern, std::string_view text, std::vector<Match>& matches);

struct Split {
  Pattern pattern;
  SplitBehavior behavior = SplitBehavior::isolated;
  bool invert = false;  // what the pattern does not match is the delimiter
};

// Appends the parts of `text` that the split leaves (none of them empty), as ranges of its bytes.
Status split_text(const Split& split, std::string_view text, std::vector<Match>& parts);

}  // namespace tepui::input

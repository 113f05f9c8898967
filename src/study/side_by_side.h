// SPDX-License-Identifier: MIT
// Running texts in columns beside one another, for a terminal.
#pragma once

#include <string>
#include <vector>

#include "study/wording.h"

namespace tepui {

struct TitledText {
  std::string title;
  std::string text;  // bytes; what a terminal would obey is spelled out
};

// Lines of at most `columns`, broken at blanks, and within a word that is longer than a line.
std::vector<std::string> text_lines(std::string_view text, int columns, Letters letters);

// All texts in one row of columns, or, where these would be narrower than `narrowest`, in rows that
// each begin with the first text.
std::string side_by_side(const std::vector<TitledText>& texts, int columns, Letters letters,
                         int narrowest = 30);

}  // namespace tepui

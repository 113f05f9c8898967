// SPDX-License-Identifier: MIT
// What a terminal can do, and text in its colours. Colours only repeat what letters say.
#pragma once

#include <string>

#include "study/wording.h"

namespace tepui {

enum class Paint { plain, strong, faint, first, second, third, fourth };

struct Style {
  int columns = 80;  // at least 24 are used
  Letters letters = Letters::unicode;
  bool colour = false;
};

// The text as it is where the style has no colour.
std::string painted(const std::string& text, Paint paint, const Style& style);

// A section's title and a sentence on what is to be seen, within the columns.
std::string heading(const std::string& title, const std::string& about, const Style& style);

}  // namespace tepui

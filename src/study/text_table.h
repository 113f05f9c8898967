// SPDX-License-Identifier: MIT
// Columns of text, aligned, for a terminal of any width: where they do not fit, the least important
// ones are left out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "study/wording.h"

namespace tepui {

enum class Align { left, right };

struct TextColumn {
  std::string title;
  Align align = Align::right;
  int keep = 0;  // the lower, the sooner it is left out
  std::vector<std::string> cells;

  int width() const;  // of the widest cell or the title
};

// Of all columns side by side, two blanks between them.
int total_width(const std::vector<TextColumn>& columns);

// Without the least important columns until the rest fits; one stays in any case.
std::vector<TextColumn> fitted(std::vector<TextColumn> columns, int width);

// Cells (of valid UTF-8) that are wider lose their beginning, as paths can: "...sample.txt".
void keep_ends(TextColumn& column, int width);

// put_together of as many columns as fit side by side, of the others below, behind the first
// `heads` again: nothing is left out.
std::string folded(const std::vector<TextColumn>& columns, std::size_t heads, int width);

// A line of titles (none where all are empty) and one for each row; no blanks at their ends.
std::string put_together(const std::vector<TextColumn>& columns);

std::string padded(const std::string& text, int width, Align align);
std::string without_trailing_blanks(std::string line);

// A bar of `share` (0 to 1) of so many columns, in eighths of one where the letters allow it.
std::string bar(double share, int columns, Letters letters);

}  // namespace tepui

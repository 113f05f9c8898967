// SPDX-License-Identifier: MIT
#include "study/text_table.h"

#include <algorithm>
#include <cmath>

namespace tepui {

int TextColumn::width() const {
  int width = display_width(title);
  for (const std::string& cell : cells) width = std::max(width, display_width(cell));
  return width;
}

int total_width(const std::vector<TextColumn>& columns) {
  int width = 0;
  for (const TextColumn& column : columns) width += column.width() + 2;
  return width - 2;
}

std::vector<TextColumn> fitted(std::vector<TextColumn> columns, int width) {
  while (columns.size() > 1 && total_width(columns) > width)
    columns.erase(std::ranges::min_element(columns, {}, &TextColumn::keep));
  return columns;
}

std::string padded(const std::string& text, int width, Align align) {
  const auto blanks = static_cast<std::size_t>(std::max(0, width - display_width(text)));
  return align == Align::left ? text + std::string(blanks, ' ') : std::string(blanks, ' ') + text;
}

std::string without_trailing_blanks(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string put_together(const std::vector<TextColumn>& columns) {
  std::vector<int> widths;
  for (const TextColumn& column : columns) widths.push_back(column.width());
  std::string text;
  const auto put_line = [&](const auto& cell_of) {
    std::string line;
    for (std::size_t at = 0; at < columns.size(); ++at)
      line += (at == 0 ? "" : "  ") + padded(cell_of(columns[at]), widths[at], columns[at].align);
    text += without_trailing_blanks(line) + "\n";
  };
  if (std::ranges::any_of(columns, [](const TextColumn& c) { return !c.title.empty(); }))
    put_line([](const TextColumn& column) { return column.title; });
  for (std::size_t row = 0; row < columns[0].cells.size(); ++row)
    put_line([row](const TextColumn& column) { return column.cells[row]; });
  return text;
}

void keep_ends(TextColumn& column, int width) {
  constexpr std::string_view kCut = "...";
  for (std::string& cell : column.cells) {
    if (display_width(cell) <= width) continue;
    std::size_t begin = 0;
    const auto is_inside = [&] {
      return (static_cast<unsigned char>(cell[begin]) & 0xc0U) == 0x80U;
    };
    while (begin < cell.size() &&
           (is_inside() || display_width(cell.substr(begin)) + display_width(kCut) > width))
      ++begin;
    cell = std::string(kCut) + cell.substr(begin);
  }
}

std::string folded(const std::vector<TextColumn>& columns, std::size_t heads, int width) {
  const auto head_end = columns.begin() + static_cast<std::ptrdiff_t>(heads);
  std::string text;
  for (auto next = head_end; next != columns.end();) {
    std::vector<TextColumn> block(columns.begin(), head_end);
    do {
      block.push_back(*next++);
    } while (next != columns.end() && total_width(block) + 2 + next->width() <= width);
    text += (text.empty() ? "" : "\n") + put_together(block);
  }
  return text;
}

std::string bar(double share, int columns, Letters letters) {
  if (letters == Letters::ascii)
    return std::string(static_cast<std::size_t>(std::lround(share * columns)), '#');
  constexpr const char* kEighths[] = {"",       "\u258f", "\u258e", "\u258d",
                                      "\u258c", "\u258b", "\u258a", "\u2589"};
  const long eighths = std::lround(share * columns * 8);
  std::string text;
  for (long full = 0; full < eighths / 8; ++full) text += "\u2588";
  return text + kEighths[eighths % 8];
}

}  // namespace tepui

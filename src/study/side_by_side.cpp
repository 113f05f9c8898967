// SPDX-License-Identifier: MIT
#include "study/side_by_side.h"

#include <algorithm>

#include "base/utf8_text.h"
#include "study/text_table.h"

namespace tepui {

namespace {

constexpr int kGap = 3;

// Pieces of a word, each of at most `columns`.
std::vector<std::string> pieces_of(std::string_view word, int columns) {
  std::vector<std::string> pieces(1);
  int width = 0;
  while (!word.empty()) {
    const std::size_t length = std::max<std::size_t>(decode_utf8(word, 0).length, 1);
    const int own = display_width(word.substr(0, length));
    if (width > 0 && width + own > columns) {
      pieces.emplace_back();
      width = 0;
    }
    pieces.back() += word.substr(0, length);
    width += own;
    word.remove_prefix(length);
  }
  return pieces;
}

// One line of the text, without control characters.
void wrap_line(std::string_view line, int columns, std::vector<std::string>& out) {
  out.emplace_back();
  bool is_first = true;
  while (true) {
    const std::size_t end = line.find(' ');
    for (const std::string& piece : pieces_of(line.substr(0, end), columns)) {
      const int before = display_width(out.back());
      const int blank = is_first ? 0 : 1;
      if (before + blank + display_width(piece) <= columns)
        out.back() += (blank == 1 ? " " : "") + piece;
      else
        out.push_back(piece);
      is_first = false;
    }
    if (end == std::string_view::npos) return;
    line.remove_prefix(end + 1);
  }
}

void put_row(std::string& out, const std::vector<TitledText>& texts, int columns, Letters letters) {
  const int count = static_cast<int>(texts.size());
  const int width = std::max(1, (columns - kGap * (count - 1)) / count);
  std::vector<std::vector<std::string>> cells;
  std::size_t rows = 0;
  for (const TitledText& text : texts) {
    cells.push_back(text_lines(text.title, width, letters));
    cells.back().push_back(std::string(static_cast<std::size_t>(width), '-'));
    for (std::string& line : text_lines(text.text, width, letters))
      cells.back().push_back(std::move(line));
    rows = std::max(rows, cells.back().size());
  }
  // Titles of several lines: the rules beneath them stand in one row.
  std::size_t deepest = 0;
  const auto rule = [&](const std::vector<std::string>& lines) {
    return static_cast<std::size_t>(
        std::ranges::find(lines, std::string(static_cast<std::size_t>(width), '-')) -
        lines.begin());
  };
  for (const auto& lines : cells) deepest = std::max(deepest, rule(lines));
  for (auto& lines : cells) {
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(rule(lines)), deepest - rule(lines),
                 "");
    rows = std::max(rows, lines.size());
  }
  for (std::size_t row = 0; row < rows; ++row) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) line += std::string(kGap, ' ');
      line += padded(row < cells[i].size() ? cells[i][row] : "", width, Align::left);
    }
    out += without_trailing_blanks(line) + "\n";
  }
}

}  // namespace

std::vector<std::string> text_lines(std::string_view text, int columns, Letters letters) {
  std::vector<std::string> out;
  while (true) {
    const std::size_t end = text.find('\n');
    wrap_line(spelled_out(text.substr(0, end), letters), std::max(1, columns), out);
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

std::string side_by_side(const std::vector<TitledText>& texts, int columns, Letters letters,
                         int narrowest) {
  if (texts.empty()) return "";
  const int fitting = std::max(1, (columns + kGap) / (narrowest + kGap));
  std::string out;
  if (static_cast<int>(texts.size()) <= fitting || fitting == 1) {
    if (fitting > 1 || texts.size() == 1) {
      put_row(out, texts, columns, letters);
      return out;
    }
    for (const TitledText& text : texts) {
      if (!out.empty()) out += "\n";
      put_row(out, {text}, columns, letters);
    }
    return out;
  }
  for (std::size_t next = 1; next < texts.size();) {
    std::vector<TitledText> row = {texts.front()};
    while (next < texts.size() && static_cast<int>(row.size()) < fitting)
      row.push_back(texts[next++]);
    if (!out.empty()) out += "\n";
    put_row(out, row, columns, letters);
  }
  return out;
}

}  // namespace tepui

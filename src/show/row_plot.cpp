// SPDX-License-Identifier: MIT
#include "show/row_plot.h"

#include <algorithm>

#include "show/log_axis.h"
#include "study/text_table.h"

namespace tepui {

namespace {

constexpr int kLeastPlot = 8;

struct Cell {
  std::string letter = " ";
  Paint paint = Paint::plain;
};

std::vector<Cell> cells_of(const PlotRow& row, const LogAxis& axis, int columns) {
  std::vector<Cell> cells(static_cast<std::size_t>(columns));
  for (const PlotBand& band : row.bands) {
    const auto to = axis.at(band.to);
    if (!to) continue;
    for (int at = axis.at(band.from).value_or(0); at <= *to; ++at)
      cells[static_cast<std::size_t>(at)] = {band.letter, Paint::faint};
  }
  for (auto mark = row.marks.rbegin(); mark != row.marks.rend(); ++mark)
    if (const auto at = axis.at(mark->value))
      cells[static_cast<std::size_t>(*at)] = {mark->letter, mark->paint};
  return cells;
}

// Trailing blanks are left out where no note follows.
std::string drawn(std::vector<Cell> cells, bool to_the_end, const Style& style) {
  while (!to_the_end && !cells.empty() && cells.back().letter == " ") cells.pop_back();
  std::string text;
  for (const Cell& cell : cells) text += painted(cell.letter, cell.paint, style);
  return text;
}

}  // namespace

std::string row_plot(const std::vector<PlotRow>& rows, const Style& style) {
  int labels = 0;
  int notes = 0;
  for (const PlotRow& row : rows) {
    labels = std::max(labels, display_width(row.label));
    notes = std::max(notes, display_width(row.note));
  }
  int columns = style.columns - labels - 2 - (notes > 0 ? notes + 1 : 0);
  const bool with_notes = columns >= kLeastPlot;
  if (!with_notes) columns = std::max(kLeastPlot, style.columns - labels - 2);
  LogAxis axis(columns);
  for (const PlotRow& row : rows) {
    for (const PlotMark& mark : row.marks) axis.include(mark.value);
    for (const PlotBand& band : row.bands) {
      axis.include(band.from);
      axis.include(band.to);
    }
  }
  if (axis.empty()) return {};
  const std::string margin(static_cast<std::size_t>(labels) + 2, ' ');
  std::string text = margin + painted(axis.ruler(), Paint::faint, style) + "\n";
  for (const PlotRow& row : rows) {
    const bool noted = with_notes && !row.note.empty();
    text += padded(row.label, labels, Align::right) + "  " +
            drawn(cells_of(row, axis, columns), noted, style);
    text += (noted ? " " + row.note : "") + "\n";
  }
  return text;
}

}  // namespace tepui

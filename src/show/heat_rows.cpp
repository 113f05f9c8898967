// SPDX-License-Identifier: MIT
#include "show/heat_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "study/text_table.h"

namespace tepui {

namespace {

constexpr int kLeastHeat = 8;
constexpr const char* kUnicode[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                    "\u2585", "\u2586", "\u2587", "\u2588"};
constexpr const char* kAscii[] = {".", ":", "-", "=", "+", "*", "#", "@"};
constexpr int kShades = 8;

std::string shade(int level, const Style& style) {
  const auto at = static_cast<std::size_t>(std::clamp(level, 0, kShades - 1));
  const std::string letter = style.letters == Letters::ascii ? kAscii[at] : kUnicode[at];
  const Paint paint = level <= 1   ? Paint::faint
                      : level >= 6 ? Paint::first
                      : level >= 4 ? Paint::second
                                   : Paint::plain;
  return painted(letter, paint, style);
}

// The largest of each column's places; NaN where none is known.
std::vector<float> gathered(const std::vector<float>& sizes, std::size_t per_column) {
  std::vector<float> columns;
  for (std::size_t first = 0; first < sizes.size(); first += per_column) {
    float largest = std::nanf("");
    for (std::size_t at = first; at < std::min(sizes.size(), first + per_column); ++at)
      if (!(largest >= sizes[at])) largest = std::isnan(sizes[at]) ? largest : sizes[at];
    columns.push_back(largest);
  }
  return columns;
}

std::string ruler(std::size_t places, std::size_t per_column, int columns) {
  std::string text;
  for (std::size_t place = 0; place < places;) {
    const std::size_t column = place / per_column;
    const std::string label = fmt::format("{}", place);
    if (column + label.size() > static_cast<std::size_t>(columns)) break;
    text.resize(column, ' ');
    text += label;
    // Labels about ten columns apart.
    place += std::max<std::size_t>(10, label.size() + 2) * per_column;
  }
  return text;
}

}  // namespace

HeatRows heat_rows(const std::vector<HeatRow>& rows, const Style& style) {
  HeatRows result;
  int labels = 0;
  int notes = 0;
  std::size_t places = 0;
  for (const HeatRow& row : rows) {
    labels = std::max(labels, display_width(row.label));
    notes = std::max(notes, display_width(row.note));
    places = std::max(places, row.sizes.size());
    for (const float size : row.sizes) {
      if (!std::isfinite(size) || !(size > 0)) continue;
      result.least = result.least > 0 ? std::min(result.least, double{size}) : size;
      result.most = std::max(result.most, double{size});
    }
  }
  if (!(result.least > 0)) return result;
  int columns = style.columns - labels - 2 - (notes > 0 ? notes + 1 : 0);
  const bool with_notes = columns >= kLeastHeat;
  if (!with_notes) columns = std::max(kLeastHeat, style.columns - labels - 2);
  const auto room = static_cast<std::size_t>(columns);
  const std::size_t per_column = (places + room - 1) / room;
  result.places_per_column = static_cast<int>(per_column);
  const double range = std::max(std::log(result.most / result.least), 1e-9);
  result.text = std::string(static_cast<std::size_t>(labels) + 2, ' ') +
                painted(ruler(places, per_column, columns), Paint::faint, style) + "\n";
  for (const HeatRow& row : rows) {
    std::string line = padded(row.label, labels, Align::right) + "  ";
    for (const float size : gathered(row.sizes, per_column)) {
      const double share = std::log(double{size} / result.least) / range;
      line += std::isfinite(share) ? shade(static_cast<int>(share * kShades), style)
              : size > 0           ? std::string("!")
                                   : std::string(" ");
    }
    result.text += line + (with_notes && !row.note.empty() ? " " + row.note : "") + "\n";
  }
  return result;
}

}  // namespace tepui

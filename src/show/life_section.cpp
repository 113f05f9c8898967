// SPDX-License-Identifier: MIT
// The life of one massive activation over the layers, against the ordinary channels.
#include <algorithm>
#include <cmath>

#include "show/row_plot.h"
#include "show/sections.h"
#include "study/text_table.h"

namespace tepui {

namespace {

constexpr int kLifeTokenColumns = 16;

std::string table_of(const ScanSummary& scan, const ChannelLife& life, const Style& style) {
  TextColumn layer{"layer", Align::right, 9, {}};
  TextColumn value{"value", Align::right, 8, {}};
  TextColumn position{"pos", Align::right, 6, {}};
  TextColumn token{"token", Align::left, 3, {}};
  TextColumn ratio{"/median", Align::right, 5, {}};
  TextColumn others{"others", Align::right, 7, {}};
  TextColumn largest{"largest other", Align::right, 4, {}};
  for (const LifePoint& point : life.points) {
    layer.cells.push_back(layer_label(point.point));
    value.cells.push_back(rounded(point.value));
    position.cells.push_back(fmt::format("{}", point.position));
    token.cells.push_back(
        quoted(scan.token(life.sequence, point.position).bytes, style.letters, kLifeTokenColumns));
    ratio.cells.push_back(point.median > 0 ? rounded(std::abs(point.value) / point.median) : "-");
    others.cells.push_back(rounded(point.others));
    largest.cells.push_back(rounded(point.largest_other));
  }
  return put_together(
      fitted({layer, value, ratio, others, largest, position, token}, style.columns));
}

}  // namespace

std::string life_section(const ScanSummary& scan, Site site, const ChannelLife& life, Parts parts,
                         const Style& style) {
  const auto peak = std::max_element(
      life.points.begin(), life.points.end(),
      [](const LifePoint& a, const LifePoint& b) { return std::abs(a.value) < std::abs(b.value); });
  std::string text = heading(
      fmt::format("Life of channel {} of {} in sequence {}", life.channel, site_name(site),
                  life.sequence),
      fmt::format("largest at layer {}, position {} ({}); others: what the other channels reach, "
                  "their median",
                  layer_label(peak->point), peak->position,
                  quoted(scan.token(life.sequence, peak->position).bytes, style.letters,
                         kLifeTokenColumns)),
      style);
  if (parts.tables) text += table_of(scan, life, style);
  if (!parts.charts) return text;
  std::vector<PlotRow> rows;
  for (const LifePoint& point : life.points)
    rows.push_back({layer_label(point.point),
                    {},
                    {{"M", std::abs(point.value), Paint::first},
                     {"L", point.largest_other, Paint::second},
                     {"o", point.others, Paint::third},
                     {"m", point.median, Paint::fourth}},
                    ""});
  if (parts.tables) text += "\n";
  text +=
      wrapped(fmt::format("largest |x| of a channel in the sequence, log scale: M channel {}, L "
                          "the largest other one, o the median channel, m the median of all "
                          "|x|\n",
                          life.channel),
              style.columns);
  return text + row_plot(rows, style);
}

}  // namespace tepui

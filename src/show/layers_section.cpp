// SPDX-License-Identifier: MIT
// Top-1, top-2, top-3 and the median over the layers.
#include <algorithm>

#include "show/row_plot.h"
#include "show/sections.h"
#include "study/table.h"

namespace tepui {

namespace {

constexpr std::size_t kShownTop = 3;
constexpr Paint kRankPaints[kShownTop] = {Paint::first, Paint::second, Paint::third};

PlotRow plot_row(const PointSummary& point) {
  PlotRow row;
  row.label = layer_label(point.point);
  for (std::size_t rank = 0; rank < std::min(kShownTop, point.top_mean.size()); ++rank)
    row.marks.push_back({fmt::format("{}", rank + 1), point.top_mean[rank], kRankPaints[rank]});
  row.marks.push_back({"m", point.median, Paint::fourth});
  if (point.massive_sequences > 0) row.note = "*";
  return row;
}

}  // namespace

std::string layer_label(Point point) {
  return point.layer == kNoLayer ? std::string(site_name(point.site))
                                 : fmt::format("{}", point.layer);
}

std::string over_sequences(const ScanSummary& scan) {
  return fmt::format("means over {}",
                     counted(static_cast<std::int64_t>(scan.finished.size()), "sequence"));
}

std::string layers_section(const ScanSummary& scan, Site site, Parts parts, const Style& style) {
  std::vector<PlotRow> rows;
  bool massive = false;
  for (const PointSummary& point : scan.points) {
    if (point.point.site != site) continue;
    rows.push_back(plot_row(point));
    massive = massive || point.massive_sequences > 0;
  }
  if (rows.empty()) return {};
  std::string text = heading(fmt::format("Largest values of {} by layer", site_name(site)),
                             over_sequences(scan), style);
  if (parts.tables) text += site_table(scan, site, {style.columns, style.letters});
  if (!parts.charts) return text;
  if (parts.tables) text += "\n";
  text += wrapped(fmt::format("|x| on a log scale: 1, 2, 3 the top values, m the median{}; one "
                              "mark may hide another\n",
                              massive ? ", * massive" : ""),
                  style.columns);
  return text + row_plot(rows, style);
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
// How |x| is distributed in each layer: bands between quantiles.
#include <algorithm>

#include "show/row_plot.h"
#include "show/sections.h"
#include "study/text_table.h"

namespace tepui {

namespace {

// Bands from the outside in; each needs both of its quantiles.
struct Band {
  double from;
  double to;
  const char* unicode;
  const char* ascii;
};
constexpr Band kBands[] = {
    {0.01, 0.99, "\u2500", "-"}, {0.1, 0.9, "\u2592", "="}, {0.25, 0.75, "\u2588", "#"}};

// Quantiles above this are marks.
constexpr double kOutside = 0.99;

std::optional<double> quantile(const PointSummary& point, double fraction) {
  for (const QuantileMean& entry : point.quantiles)
    if (entry.fraction == fraction) return entry.mean;
  return std::nullopt;
}

PlotRow plot_row(const PointSummary& point, const Style& style) {
  PlotRow row;
  row.label = layer_label(point.point);
  for (const Band& band : kBands) {
    const auto from = quantile(point, band.from);
    const auto to = quantile(point, band.to);
    if (from && to)
      row.bands.push_back(
          {style.letters == Letters::ascii ? band.ascii : band.unicode, *from, *to});
  }
  if (!point.top_mean.empty()) row.marks.push_back({"1", point.top_mean[0], Paint::first});
  row.marks.push_back({"m", point.median, Paint::fourth});
  for (const QuantileMean& entry : point.quantiles)
    if (entry.fraction > kOutside) row.marks.push_back({"q", entry.mean, Paint::second});
  return row;
}

// "50 %", "99.9 %"
std::string percent(double fraction) { return fmt::format("{:g} %", fraction * 100); }

// The extreme quantiles are the first to go where there is no room.
std::vector<TextColumn> columns_of(const std::vector<const PointSummary*>& points) {
  std::vector<TextColumn> columns{{"layer", Align::right, 100, {}}};
  const std::size_t count = points.front()->quantiles.size();
  for (std::size_t at = 0; at < count; ++at) {
    const double fraction = points.front()->quantiles[at].fraction;
    const int keep = fraction == 0.5 ? 90 : static_cast<int>(100 * fraction * (1 - fraction));
    columns.push_back({percent(fraction), Align::right, keep, {}});
  }
  columns.push_back({"top-1", Align::right, 95, {}});
  for (const PointSummary* point : points) {
    columns.front().cells.push_back(layer_label(point->point));
    for (std::size_t at = 0; at < count; ++at)
      columns[at + 1].cells.push_back(
          at < point->quantiles.size() ? rounded(point->quantiles[at].mean) : "-");
    columns.back().cells.push_back(point->top_mean.empty() ? "-" : rounded(point->top_mean[0]));
  }
  return columns;
}

}  // namespace

std::string quantiles_section(const ScanSummary& scan, Site site, Parts parts, const Style& style) {
  std::vector<const PointSummary*> points;
  for (const PointSummary& point : scan.points)
    if (point.point.site == site && !point.quantiles.empty()) points.push_back(&point);
  if (points.empty()) return {};
  std::string text = heading(fmt::format("Distribution of |x| in {}", site_name(site)),
                             "quantiles, " + over_sequences(scan), style);
  if (parts.tables) {
    const auto all = columns_of(points);
    const auto shown = fitted(all, style.columns);
    text += put_together(shown);
    if (shown.size() < all.size())
      text += wrapped(fmt::format("({} of {} quantiles fit; a wider terminal shows all)\n",
                                  shown.size() - 2, all.size() - 2),
                      style.columns);
  }
  if (!parts.charts) return text;
  if (parts.tables) text += "\n";
  std::vector<PlotRow> rows;
  for (const PointSummary* point : points) rows.push_back(plot_row(*point, style));
  const bool ascii = style.letters == Letters::ascii;
  std::string legend = "|x| on a log scale: ";
  for (const Band& band : kBands)
    if (quantile(*points.front(), band.from) && quantile(*points.front(), band.to))
      legend += fmt::format("{} {:g} to {}, ", ascii ? band.ascii : band.unicode, band.from * 100,
                            percent(band.to));
  legend += "m the median, ";
  for (const QuantileMean& entry : points.front()->quantiles)
    if (entry.fraction > kOutside) legend += fmt::format("q {}, ", percent(entry.fraction));
  text += wrapped(legend + "1 top-1\n", style.columns);
  return text + row_plot(rows, style);
}

}  // namespace tepui

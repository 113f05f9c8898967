// SPDX-License-Identifier: MIT
#include "study/table.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "study/text_table.h"

namespace tepui {

namespace {

constexpr std::size_t kUsualTop = 3;
constexpr int kLeastColumns = 20;
constexpr int kLeastTokenColumns = 8;
constexpr int kMostTokenColumns = 24;

std::string mark(const PointSummary& point) {
  if (point.massive_sequences == 0) return "";
  if (point.massive_sequences == point.sequences) return "massive";
  return fmt::format("{}/{} seq.", point.massive_sequences, point.sequences);
}

using Points = std::vector<const PointSummary*>;

std::vector<TextColumn> numbers_of(const Points& points, bool by_site, std::size_t shown) {
  TextColumn name{by_site ? "site" : "layer", by_site ? Align::left : Align::right, 9, {}};
  TextColumn median{"median", Align::right, 4, {}};
  std::vector<TextColumn> top;
  for (std::size_t rank = 0; rank < shown; ++rank)
    top.push_back({fmt::format("top-{}", rank + 1), Align::right, 8, {}});
  TextColumn ratio{"ratio", Align::right, 6, {}};
  TextColumn position{"pos", Align::right, 2, {}};
  TextColumn channel{"channel", Align::right, 5, {}};
  TextColumn massive{"", Align::left, 7, {}};
  for (const PointSummary* point : points) {
    name.cells.push_back(by_site ? std::string(site_name(point->point.site))
                                 : fmt::format("{}", point->point.layer));
    median.cells.push_back(rounded(point->median));
    for (std::size_t rank = 0; rank < shown; ++rank)
      top[rank].cells.push_back(rounded(point->top_mean[rank]));
    const bool has_ratio = point->median > 0 && shown > 0;
    ratio.cells.push_back(has_ratio ? rounded(point->top_mean[0] / point->median) : "-");
    const bool has_top = !point->top.empty();
    position.cells.push_back(has_top ? fmt::format("{}", point->top[0].position) : "-");
    channel.cells.push_back(has_top ? fmt::format("{}", point->top[0].channel) : "-");
    massive.cells.push_back(mark(*point));
  }
  std::vector<TextColumn> columns = {name, median};
  columns.insert(columns.end(), top.begin(), top.end());
  columns.insert(columns.end(), {ratio, position, channel, massive});
  return columns;
}

int columns_left(const std::vector<TextColumn>& columns, const TableOptions& options) {
  int left = options.columns - 2 * static_cast<int>(columns.size());
  for (const TextColumn& column : columns) left -= column.width();
  return left;
}

std::vector<TextColumn> columns_of(const Points& points, const ScanSummary& scan, bool by_site,
                                   const TableOptions& options) {
  auto most = static_cast<std::size_t>(std::max(scan.options.top, 0));
  for (const PointSummary* point : points) most = std::min(most, point->top_mean.size());
  std::size_t shown = std::min(most, kUsualTop);
  std::vector<TextColumn> columns = numbers_of(points, by_site, shown);
  // More than the usual ones only where whole tokens stay.
  while (shown < most) {
    std::vector<TextColumn> wider = numbers_of(points, by_site, shown + 1);
    if (columns_left(wider, options) < kMostTokenColumns) break;
    columns = std::move(wider);
    ++shown;
  }
  // Long numbers cost the table its top-3 and top-2; tokens get what the others leave.
  while (shown > 1 && columns_left(columns, options) < kLeastTokenColumns)
    columns = numbers_of(points, by_site, --shown);
  const int token_columns =
      std::clamp(columns_left(columns, options), kLeastTokenColumns, kMostTokenColumns);
  TextColumn token{"token", Align::left, 3, {}};
  for (const PointSummary* point : points) {
    if (point->top.empty()) {
      token.cells.push_back("-");
      continue;
    }
    const TopValue& value = point->top[0];
    token.cells.push_back(
        quoted(scan.token(value.sequence, value.position).bytes, options.letters, token_columns));
  }
  columns.insert(columns.end() - 3, token);
  return fitted(std::move(columns), options.columns);
}

Points points_of(const ScanSummary& scan, Site site) {
  Points points;
  for (const PointSummary& point : scan.points)
    if (point.point.site == site) points.push_back(&point);
  return points;
}

double shown_top1(const PointSummary& point) {
  return point.top_mean.empty() ? 0 : point.top_mean.front();
}

}  // namespace

std::string chart(const ScanSummary& scan, Site site, const TableOptions& options) {
  double least = 0;
  double most = 0;
  bool any_massive = false;
  TextColumn layer{"", Align::right, 0, {}};
  TextColumn value{"", Align::left, 0, {}};
  const Points points = points_of(scan, site);
  for (const PointSummary* point : points) {
    const double size = shown_top1(*point);
    layer.cells.push_back(fmt::format("{}", point->point.layer));
    value.cells.push_back(rounded(size) + (point->massive_sequences > 0 ? " *" : ""));
    any_massive = any_massive || point->massive_sequences > 0;
    if (!std::isfinite(size) || size <= 0) continue;
    least = least == 0 ? size : std::min(least, size);
    most = std::max(most, size);
  }
  if (most == 0) return {};
  // From the power of ten below the least, so that the shortest bar can be seen.
  double from = std::floor(std::log10(least));
  if (from == std::log10(least)) from -= 1;
  const int longest = std::max(10, options.columns - layer.width() - value.width() - 4);
  std::string text =
      wrapped(fmt::format("Mean top-1 |x| by layer, log scale from {:g} to {}{}\n",
                          std::pow(10, from), rounded(most), any_massive ? "; * massive" : ""),
              options.columns);
  for (std::size_t at = 0; at < points.size(); ++at) {
    const double size = shown_top1(*points[at]);
    const double share =
        std::isfinite(size) && size > 0 ? (std::log10(size) - from) / (std::log10(most) - from) : 0;
    text += padded(layer.cells[at], layer.width(), Align::right) + "  ";
    text += bar(share, longest, options.letters) + " " + value.cells[at] + "\n";
  }
  return text;
}

std::string site_table(const ScanSummary& scan, Site site, const TableOptions& options) {
  return put_together(columns_of(points_of(scan, site), scan, !site_has_layer(site), options));
}

std::string table(const ScanSummary& scan, const TableOptions& asked) {
  TableOptions options = asked;
  options.columns = std::max(options.columns, kLeastColumns);
  std::set<Site> sites;
  Points without_layer;
  for (const PointSummary& point : scan.points) {
    if (site_has_layer(point.point.site))
      sites.insert(point.point.site);
    else
      without_layer.push_back(&point);
  }
  const std::string over = fmt::format(
      "means over {}", counted(static_cast<std::int64_t>(scan.finished.size()), "sequence"));
  std::string text;
  for (const Site site : sites) {
    text += fmt::format("{}{}, {}\n", text.empty() ? "" : "\n", site_name(site), over);
    text += site_table(scan, site, options);
    text += '\n';
    text += chart(scan, site, options);
  }
  if (without_layer.empty()) return text;
  text += fmt::format("{}Sites without a layer, {}\n", text.empty() ? "" : "\n", over);
  return text + put_together(columns_of(without_layer, scan, true, options));
}

}  // namespace tepui

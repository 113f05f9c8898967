// SPDX-License-Identifier: MIT
// Which tokens carry massive activations; where there are none, which carry the largest values.
#include <algorithm>
#include <cmath>
#include <map>

#include "show/sections.h"
#include "study/text_table.h"
#include "study/token_table.h"

namespace tepui {

namespace {

constexpr int kLeastTokenColumns = 8;
constexpr int kMostTokenColumns = 24;
constexpr std::size_t kShownRows = 20;

std::string chart(const std::vector<TokenRow>& rows, const std::vector<std::string>& names,
                  const Style& style) {
  TextColumn name{"", Align::left, 0, names};
  TextColumn value{"", Align::left, 0, {}};
  double most = 0;
  for (const TokenRow& row : rows) {
    value.cells.push_back(rounded(row.mean));
    most = std::max(most, std::abs(row.mean));
  }
  if (!(most > 0) || !std::isfinite(most)) return {};
  const int longest = std::max(4, style.columns - name.width() - value.width() - 3);
  std::string text = wrapped("Mean |x| of each, from 0 to " + rounded(most) + "\n", style.columns);
  for (std::size_t at = 0; at < rows.size(); ++at)
    text +=
        padded(names[at], name.width(), Align::left) + "  " +
        painted(bar(std::abs(rows[at].mean) / most, longest, style.letters), Paint::first, style) +
        " " + value.cells[at] + "\n";
  return text;
}

std::string table_of(const std::vector<TokenRow>& rows, const Style& style) {
  TextColumn token{"token", Align::left, 99, {}};
  TextColumn channel{"channel", Align::right, 90, {}};
  TextColumn layers{"layers", Align::left, 50, {}};
  TextColumn carrying{"carry it", Align::right, 60, {}};
  TextColumn layer{"at layer", Align::right, 40, {}};
  TextColumn count{"count", Align::right, 45, {}};
  TextColumn mean{"mean", Align::right, 80, {}};
  TextColumn deviation{"deviation", Align::right, 70, {}};
  for (const TokenRow& row : rows) {
    channel.cells.push_back(fmt::format("{}", row.channel));
    layers.cells.push_back(row.layers.empty() ? "-" : ranges(row.layers));
    carrying.cells.push_back(fmt::format("{}/{}", row.carrying, row.occurrences));
    layer.cells.push_back(row.layer == kNoLayer ? "-" : fmt::format("{}", row.layer));
    count.cells.push_back(fmt::format("{}", row.count));
    mean.cells.push_back(rounded(row.mean));
    deviation.cells.push_back(row.deviation ? rounded(*row.deviation) : "-");
  }
  std::vector<TextColumn> columns{token, channel, carrying, mean, deviation, count, layer, layers};
  columns.front().cells.assign(rows.size(), std::string(kLeastTokenColumns, ' '));
  columns = fitted(std::move(columns), style.columns);
  const int room = style.columns - total_width(columns) + kLeastTokenColumns;
  const int width = std::clamp(room, kLeastTokenColumns, kMostTokenColumns);
  for (std::size_t at = 0; at < rows.size(); ++at)
    columns.front().cells[at] = quoted(rows[at].bytes, style.letters, width);
  return put_together(columns);
}

// Without massive activations: how often a token holds a layer's largest value of a sequence.
std::string largest_instead(const ScanSummary& scan, Site site, const Style& style) {
  struct Entry {
    int count = 0;
    TopValue largest;
  };
  std::map<std::int32_t, Entry> entries;
  for (const PointSummary& point : scan.points) {
    if (point.point.site != site) continue;
    for (const TopValue& value : point.top) {
      Entry& entry = entries[scan.token(value.sequence, value.position).token_id];
      if (entry.count++ == 0 || std::abs(value.value) > std::abs(entry.largest.value))
        entry.largest = value;
    }
  }
  std::vector<Entry> sorted;
  for (const auto& [id, entry] : entries) sorted.push_back(entry);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Entry& a, const Entry& b) { return a.count > b.count; });
  sorted.resize(std::min(sorted.size(), kShownRows));
  TextColumn token{"token", Align::left, 9, {}};
  TextColumn count{"top values", Align::right, 8, {}};
  TextColumn value{"largest", Align::right, 7, {}};
  TextColumn channel{"channel", Align::right, 6, {}};
  for (const Entry& entry : sorted) {
    const TopValue& at = entry.largest;
    token.cells.push_back(
        quoted(scan.token(at.sequence, at.position).bytes, style.letters, kMostTokenColumns / 2));
    count.cells.push_back(fmt::format("{}", entry.count));
    value.cells.push_back(rounded(at.value));
    channel.cells.push_back(fmt::format("{}", at.channel));
  }
  const std::string about = fmt::format(
      "None is massive by this rule. Of the {} largest values of each layer, these "
      "tokens hold the most:\n",
      scan.options.top);
  return wrapped(about, style.columns) +
         put_together(fitted({token, count, value, channel}, style.columns));
}

}  // namespace

std::string tokens_section(const ScanSummary& scan, Site site, Parts parts, const Style& style) {
  std::vector<TokenRow> rows = token_table(scan, site);
  const std::string title =
      fmt::format("Tokens that carry massive activations in {}", site_name(site));
  if (rows.empty()) return heading(title, "", style) + largest_instead(scan, site, style);
  const std::size_t all = rows.size();
  rows.resize(std::min(rows.size(), kShownRows));
  std::string text = heading(title,
                             "carry it: of all its occurrences; mean and deviation at the layer "
                             "where its values are largest",
                             style);
  if (parts.tables) text += table_of(rows, style);
  if (all > rows.size())
    text +=
        wrapped(fmt::format("({} more: tepui export --table tokens has all)\n", all - rows.size()),
                style.columns);
  if (!parts.charts) return text;
  std::vector<std::string> names;
  for (const TokenRow& row : rows)
    names.push_back(fmt::format("{} {}", quoted(row.bytes, style.letters, kLeastTokenColumns + 4),
                                row.channel));
  return text + (parts.tables ? "\n" : "") + chart(rows, names, style);
}

}  // namespace tepui

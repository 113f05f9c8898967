// SPDX-License-Identifier: MIT
#include "study/token_table.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

namespace tepui {

namespace {

struct Members {
  std::map<int, std::vector<double>> by_layer;
  std::set<std::pair<int, std::int64_t>> places;  // sequence and position
};

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

std::optional<double> deviation_of(const std::vector<double>& values, double mean) {
  if (values.size() < 2) return std::nullopt;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

std::map<std::int32_t, std::int64_t> occurrences_of(const ScanSummary& scan) {
  std::map<std::int32_t, std::int64_t> counts;
  for (const int sequence : scan.finished)
    for (const std::int32_t token : scan.sequences[static_cast<std::size_t>(sequence)].tokens)
      ++counts[token];
  return counts;
}

TokenRow row_of(const Members& members) {
  TokenRow row;
  row.carrying = static_cast<std::int64_t>(members.places.size());
  for (const auto& [layer, values] : members.by_layer) {
    const double mean = mean_of(values);
    if (layer != kNoLayer) row.layers.push_back(layer);
    if (row.count > 0 && std::abs(mean) <= std::abs(row.mean)) continue;
    row.layer = layer;
    row.count = static_cast<int>(values.size());
    row.mean = mean;
    row.deviation = deviation_of(values, mean);
  }
  return row;
}

}  // namespace

std::vector<TokenRow> token_table(const ScanSummary& scan, Site site) {
  std::map<std::pair<std::int32_t, std::int64_t>, Members> groups;
  for (const MassiveValue& value : scan.massive.values) {
    if (value.point.site != site) continue;
    const auto id = scan.token(value.sequence, value.position).token_id;
    Members& members = groups[{id, value.channel}];
    members.by_layer[value.point.layer].push_back(value.value);
    members.places.insert({value.sequence, value.position});
  }
  const auto occurrences = occurrences_of(scan);
  std::vector<TokenRow> rows;
  for (const auto& [key, members] : groups) {
    TokenRow row = row_of(members);
    row.token_id = key.first;
    row.channel = key.second;
    const auto known = scan.vocabulary.find(key.first);
    if (known != scan.vocabulary.end()) row.bytes = known->second.bytes;
    const auto counted = occurrences.find(key.first);
    row.occurrences = counted == occurrences.end() ? 0 : counted->second;
    rows.push_back(std::move(row));
  }
  std::stable_sort(rows.begin(), rows.end(), [](const TokenRow& a, const TokenRow& b) {
    return std::abs(a.mean) > std::abs(b.mean);
  });
  return rows;
}

}  // namespace tepui

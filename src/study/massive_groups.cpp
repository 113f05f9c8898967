// SPDX-License-Identifier: MIT
#include "study/massive_groups.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <set>
#include <tuple>

namespace tepui {

namespace {

struct Key {
  Point point;
  std::int64_t channel;
  TokenClass token_class;
  bool operator<(const Key& other) const {
    if (!(point == other.point)) return point < other.point;
    return std::tie(channel, token_class) < std::tie(other.channel, other.token_class);
  }
};

MassiveGroup describe(const Key& key, const std::vector<const MassiveValue*>& values,
                      const ScanSummary& scan) {
  MassiveGroup group;
  group.point = key.point;
  group.channel = key.channel;
  group.token_class = key.token_class;
  group.count = static_cast<int>(values.size());
  std::set<int> sequences;
  std::map<std::int32_t, int> tokens;
  double sum = 0;
  double ratios = 0;
  bool has_ratio = true;
  for (const MassiveValue* value : values) {
    sequences.insert(value->sequence);
    ++tokens[scan.token(value->sequence, value->position).token_id];
    sum += value->value;
    has_ratio = has_ratio && value->ratio.has_value();
    ratios += value->ratio.value_or(0);
  }
  const double count = group.count;
  group.sequences = static_cast<int>(sequences.size());
  group.mean = sum / count;
  if (has_ratio) group.ratio = ratios / count;
  if (group.count > 1) {
    double squares = 0;
    for (const MassiveValue* value : values) squares += std::pow(value->value - group.mean, 2);
    group.deviation = std::sqrt(squares / (count - 1));
  }
  group.tokens.assign(tokens.begin(), tokens.end());
  std::stable_sort(group.tokens.begin(), group.tokens.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return group;
}

}  // namespace

bool is_delimiter(std::string_view bytes) {
  const auto blank_or_punctuation = [](char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return byte < 0x80 && (std::isspace(byte) != 0 || std::ispunct(byte) != 0);
  };
  return std::all_of(bytes.begin(), bytes.end(), blank_or_punctuation) &&
         bytes.find_first_of(".,;:!?\n") != std::string_view::npos;
}

std::string_view token_class_name(TokenClass token_class) {
  constexpr std::array<std::string_view, 4> kNames = {"first", "first_delimiter", "delimiter",
                                                      "other"};
  return kNames[static_cast<std::size_t>(token_class)];
}

TokenClass ScanSummary::token_class(int sequence, std::int64_t position) const {
  if (position == 0) return TokenClass::first;
  if (!is_delimiter(token(sequence, position).bytes)) return TokenClass::other;
  for (std::int64_t earlier = 1; earlier < position; ++earlier)
    if (is_delimiter(token(sequence, earlier).bytes)) return TokenClass::delimiter;
  return TokenClass::first_delimiter;
}

std::vector<MassiveGroup> group_massive(const ScanSummary& scan) {
  std::map<Key, std::vector<const MassiveValue*>> members;
  for (const MassiveValue& value : scan.massive.values)
    members[{value.point, value.channel, scan.token_class(value.sequence, value.position)}]
        .push_back(&value);
  std::vector<MassiveGroup> groups;
  for (const auto& [key, values] : members) groups.push_back(describe(key, values, scan));
  return groups;
}

}  // namespace tepui

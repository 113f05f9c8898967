// SPDX-License-Identifier: MIT
#include "input/split.h"

#include <algorithm>

#include "input/utf8.h"

namespace tepui::input {
namespace {

// A stretch of the text: a match of the pattern, or what lies between two.
struct Stretch {
  Match range;
  bool delimiter = false;
};

void find_literal(std::string_view needle, std::string_view text, std::vector<Match>& matches) {
  for (std::size_t at = text.find(needle); at != std::string_view::npos;
       at = text.find(needle, at + needle.size()))
    matches.push_back({at, at + needle.size()});
}

void find_class(CharacterClass which, std::string_view text, std::vector<Match>& matches) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    const bool matched = which == CharacterClass::white_space ? is_white_space(point.value)
                         : which == CharacterClass::numeric   ? is_numeric(point.value)
                                                              : is_punctuation(point.value);
    if (matched) matches.push_back({at, at + point.length});
    at += point.length;
  }
}

std::vector<Stretch> stretches(const std::vector<Match>& matches, std::size_t size, bool invert) {
  std::vector<Stretch> all;
  std::size_t at = 0;
  for (const Match& match : matches) {
    if (match.begin > at) all.push_back({{at, match.begin}, invert});
    all.push_back({match, !invert});
    at = match.end;
  }
  if (at < size) all.push_back({{at, size}, invert});
  return all;
}

// Neighbours become one part where joins(previous, current) says so.
template <class Joins>
void join(const std::vector<Stretch>& all, const Joins& joins, std::vector<Match>& parts) {
  bool previous = false;
  bool first = true;
  for (const Stretch& stretch : all) {
    if (!first && joins(previous, stretch.delimiter))
      parts.back().end = stretch.range.end;
    else
      parts.push_back(stretch.range);
    previous = stretch.delimiter;
    first = false;
  }
}

}  // namespace

std::optional<SplitBehavior> split_behavior(std::string_view name) {
  if (name == "Removed") return SplitBehavior::removed;
  if (name == "Isolated") return SplitBehavior::isolated;
  if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
  if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
  if (name == "Contiguous") return SplitBehavior::contiguous;
  return std::nullopt;
}

Status find_matches(const Pattern& pattern, std::string_view text, std::vector<Match>& matches) {
  if (const auto* regex = std::get_if<Regex>(&pattern)) return regex->find_all(text, matches);
  if (const auto* literal = std::get_if<std::string>(&pattern))
    find_literal(*literal, text, matches);
  else
    find_class(std::get<CharacterClass>(pattern), text, matches);
  return {};
}

Status split_text(const Split& split, std::string_view text, std::vector<Match>& parts) {
  std::vector<Match> matches;
  TEPUI_TRY(find_matches(split.pattern, text, matches));
  const std::vector<Stretch> all = stretches(matches, text.size(), split.invert);
  const std::size_t before = parts.size();
  switch (split.behavior) {
    case SplitBehavior::removed:
      for (const Stretch& stretch : all)
        if (!stretch.delimiter) parts.push_back(stretch.range);
      break;
    case SplitBehavior::isolated:
      join(
          all, [](bool, bool) { return false; }, parts);
      break;
    case SplitBehavior::merged_with_previous:
      join(
          all, [](bool previous, bool now) { return now && !previous; }, parts);
      break;
    case SplitBehavior::merged_with_next:
      // Seen from the right, as the reference does: of a run of delimiters only the last goes
      // with what follows.
      join(
          all, [](bool previous, bool now) { return previous && !now; }, parts);
      break;
    case SplitBehavior::contiguous:
      join(
          all, [](bool previous, bool now) { return previous == now; }, parts);
      break;
  }
  const auto empty = [](const Match& part) { return part.begin == part.end; };
  parts.erase(
      std::remove_if(parts.begin() + static_cast<std::ptrdiff_t>(before), parts.end(), empty),
      parts.end());
  return {};
}

}  // namespace tepui::input

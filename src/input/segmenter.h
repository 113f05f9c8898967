// SPDX-License-Identifier: MIT
// Cuts a text where no token can reach across, and remembers what each segment became. A token
// that covers a place holds the two characters around it, so a place whose two characters stand
// together in no token of the vocabulary separates independent parts: merging them apart gives
// exactly what merging the whole gives, and most of a text is the same few thousand segments.
#pragma once

#include <bitset>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "input/vocabulary.h"

namespace tepui::input {

class Segmenter {
 public:
  void add_token(std::string_view token);  // ignores what is not valid UTF-8

  // The end of the segment that begins at `begin` of a valid text.
  std::size_t segment_end(std::string_view text, std::size_t begin) const;

 private:
  bool joined(char32_t left, char32_t right) const;

  std::bitset<128 * 128> ascii_;
  std::unordered_set<std::uint64_t> others_;
};

// Ids by segment for the time of one encode().
class SegmentCache {
 public:
  // Appends the ids of the segment to `ids`, by compute(segment, ids) -> Status the first time.
  template <class Compute>
  Status append(std::string_view segment, std::vector<TokenId>& ids, const Compute& compute) {
    if (segment.size() > kLongest) return compute(segment, ids);
    const auto found = known_.find(segment);
    if (found != known_.end()) {
      const Range range = found->second;
      ids.insert(ids.end(), pool_.begin() + range.begin, pool_.begin() + range.end);
      return {};
    }
    const std::size_t before = ids.size();
    TEPUI_TRY(compute(segment, ids));
    if (known_.size() < kMost) {
      const auto begin = static_cast<std::ptrdiff_t>(pool_.size());
      pool_.insert(pool_.end(), ids.begin() + static_cast<std::ptrdiff_t>(before), ids.end());
      known_.emplace(segment, Range{begin, static_cast<std::ptrdiff_t>(pool_.size())});
    }
    return {};
  }

 private:
  static constexpr std::size_t kLongest = 64;
  static constexpr std::size_t kMost = 1 << 18;
  struct Range {
    std::ptrdiff_t begin = 0;
    std::ptrdiff_t end = 0;
  };
  std::unordered_map<std::string, Range, StringHash, std::equal_to<>> known_;
  std::vector<TokenId> pool_;
};

}  // namespace tepui::input

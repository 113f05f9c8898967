// SPDX-License-Identifier: MIT
// Where in a layer large values sit, from the store's series: for each channel and each position
// the largest |x| over the scanned sequences; and one channel's life over the layers in one
// sequence.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "study/summary.h"

namespace tepui {

// The largest |x| of a channel (at: its position) or of a position (at: its channel).
struct Peak {
  float value = 0;    // signed; NaN where no sequence has the place
  int sequence = -1;  // the first of those with it
  std::int64_t at = -1;
};

struct PlaceProfile {
  Point point;
  std::vector<Peak> channels;   // [D]; empty: the store has no channel_max there
  std::vector<Peak> positions;  // [T of the longest sequence]; empty: no token_max
};

// Of every point of the summary at this site.
Result<std::vector<PlaceProfile>> place_profiles(StoreReader& store, const ScanSummary& scan,
                                                 Site site);

// One layer in the life of a channel, within one sequence.
struct LifePoint {
  Point point;
  float value = 0;            // the channel's largest |x|, signed
  std::int64_t position = 0;  // and where it sits
  double others = 0;          // lower median over the other channels of their largest |x|
  double largest_other = 0;
  double median = 0;  // lower median of |x| of the sequence there
};

struct ChannelLife {
  int sequence = 0;
  std::int64_t channel = 0;
  std::vector<LifePoint> points;  // in order of computation
};

// `sequence` and `channel` as asked for, else those of the largest massive value of the site, or
// of its largest value where none is massive. Nothing where the store has no channel_max there. An
// error where the sequence was not scanned or has no such channel.
Result<std::optional<ChannelLife>> channel_life(StoreReader& store, const ScanSummary& scan,
                                                Site site, std::optional<int> sequence,
                                                std::optional<std::int64_t> channel);

}  // namespace tepui

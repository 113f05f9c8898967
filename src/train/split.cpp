// SPDX-License-Identifier: MIT
#include "train/split.h"

#include <numeric>

#include "base/draws.h"

namespace tepui {

Result<std::vector<SplitPart>> split_sequences(int sequences, int folds, int seed) {
  constexpr std::uint32_t kSplit = 0x53504c54;
  if (folds < 3 || sequences < folds)
    return fail(ErrorKind::usage,
                "probes are scored on sequences that they have not seen: expected at least {} "
                "sequences (--folds), found {}: give more text, or a shorter --context",
                folds, sequences);
  std::mt19937_64 random = draws_of(static_cast<std::uint64_t>(seed / folds), kSplit);
  std::vector<int> order(static_cast<std::size_t>(sequences));
  std::iota(order.begin(), order.end(), 0);
  shuffle(order, random);
  const int test = seed % folds;
  const int dev = (test + 1) % folds;
  std::vector<SplitPart> parts(order.size(), SplitPart::train);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto fold = static_cast<int>(i * static_cast<std::size_t>(folds) / order.size());
    if (fold == test) parts[static_cast<std::size_t>(order[i])] = SplitPart::test;
    if (fold == dev) parts[static_cast<std::size_t>(order[i])] = SplitPart::dev;
  }
  return parts;
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "train/control_labels.h"

#include <algorithm>
#include <map>

#include "base/draws.h"

namespace tepui {

namespace {

constexpr std::uint32_t kControl = 0x4354524c;
constexpr std::uint32_t kShuffled = 0x53484652;

template <class T>
std::vector<T> by_type(std::span<const T> from, std::span<const std::int32_t> types,
                       std::uint64_t seed) {
  // In the order of their size, so that what a type gets hangs on its place among them alone.
  std::vector<T> sorted(from.begin(), from.end());
  std::ranges::sort(sorted);
  std::vector<T> out;
  out.reserve(types.size());
  std::map<std::int32_t, T> drawn;
  for (const std::int32_t type : types) {
    const auto [at, is_new] = drawn.try_emplace(type);
    if (is_new) {
      const auto high = std::uint64_t{static_cast<std::uint32_t>(type)} << 20;
      std::mt19937_64 random = draws_of(seed ^ high, kControl);
      at->second = sorted[draw_below(random, sorted.size())];
    }
    out.push_back(at->second);
  }
  return out;
}

template <class T>
std::vector<T> in_random_order(std::span<const T> from, std::uint64_t seed) {
  std::vector<T> out(from.begin(), from.end());
  std::mt19937_64 random = draws_of(seed, kShuffled);
  shuffle(out, random);
  return out;
}

}  // namespace

std::vector<int> control_labels(std::span<const int> labels, std::span<const std::int32_t> types,
                                std::uint64_t seed) {
  return by_type(labels, types, seed);
}

std::vector<double> control_values(std::span<const double> values,
                                   std::span<const std::int32_t> types, std::uint64_t seed) {
  return by_type(values, types, seed);
}

std::vector<int> shuffled_labels(std::span<const int> labels, std::uint64_t seed) {
  return in_random_order(labels, seed);
}

std::vector<double> shuffled_values(std::span<const double> values, std::uint64_t seed) {
  return in_random_order(values, seed);
}

int majority_of(std::span<const int> labels, int classes) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(classes));
  for (const int label : labels) ++counts[static_cast<std::size_t>(label)];
  return static_cast<int>(std::ranges::max_element(counts) - counts.begin());
}

}  // namespace tepui

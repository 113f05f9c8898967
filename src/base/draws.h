// SPDX-License-Identifier: MIT
// Random numbers that are the same on every machine: the standard library's generator, but not its
// distributions, which differ between implementations.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <vector>

namespace tepui {

// Independent of those of another seed or another purpose.
inline std::mt19937_64 draws_of(std::uint64_t seed, std::uint32_t purpose) {
  std::seed_seq words{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                      purpose};
  return std::mt19937_64(words);
}

// Below n, each as likely.
inline std::size_t draw_below(std::mt19937_64& random, std::size_t n) {
  const std::uint64_t high = random() >> 32;
  return static_cast<std::size_t>(high * n >> 32);
}

// In [0, 1).
inline double draw_unit(std::mt19937_64& random) {
  return static_cast<double>(random() >> 11) * 0x1.0p-53;
}

// Standard normal (Box and Muller).
inline double draw_normal(std::mt19937_64& random) {
  const double radius = std::sqrt(-2 * std::log(1 - draw_unit(random)));
  return radius * std::cos(2 * std::numbers::pi * draw_unit(random));
}

template <class T>
void shuffle(std::vector<T>& items, std::mt19937_64& random) {
  for (std::size_t i = items.size(); i > 1; --i)
    std::swap(items[i - 1], items[draw_below(random, i)]);
}

}  // namespace tepui

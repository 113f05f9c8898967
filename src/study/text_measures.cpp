// SPDX-License-Identifier: MIT
#include "study/text_measures.h"

#include <algorithm>
#include <set>
#include <vector>

namespace tepui {

std::optional<double> distinct(std::span<const TokenId> ids, int n) {
  const auto size = static_cast<std::size_t>(n);
  if (ids.size() < size) return std::nullopt;
  const std::size_t all = ids.size() - size + 1;
  std::set<std::vector<TokenId>> different;
  for (std::size_t i = 0; i < all; ++i) {
    const auto gram = ids.subspan(i, size);
    different.emplace(gram.begin(), gram.end());
  }
  return static_cast<double>(different.size()) / static_cast<double>(all);
}

std::optional<int> parting(std::span<const TokenId> a, std::span<const TokenId> b) {
  const auto [left, right] = std::ranges::mismatch(a, b);
  if (left == a.end() && right == b.end()) return std::nullopt;
  return static_cast<int>(left - a.begin());
}

}  // namespace tepui

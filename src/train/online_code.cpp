// SPDX-License-Identifier: MIT
#include "train/online_code.h"

#include <array>
#include <cmath>

#include "base/assert.h"

namespace tepui {

std::vector<std::int64_t> portion_ends(std::int64_t rows) {
  constexpr std::array kShares = {0.001,  0.002, 0.004, 0.008, 0.016, 0.032,
                                  0.0625, 0.125, 0.25,  0.5,   1.0};
  std::vector<std::int64_t> ends;
  for (const double share : kShares) {
    const auto end = std::llround(share * static_cast<double>(rows));
    if (end > (ends.empty() ? 0 : ends.back())) ends.push_back(end);
  }
  return ends;
}

Result<OnlineCode> online_code(std::span<const std::int64_t> order, std::span<const int> labels,
                               int classes, const PortionFit& fit) {
  OnlineCode code;
  const auto k = static_cast<std::size_t>(classes);
  const double uniform = std::log2(static_cast<double>(classes));
  code.rows = static_cast<std::int64_t>(order.size());
  code.uniform_bits = static_cast<double>(order.size()) * uniform;
  const std::vector<std::int64_t> ends = portion_ends(code.rows);
  if (ends.empty()) return code;
  code.bits = static_cast<double>(ends.front()) * uniform;
  for (std::size_t i = 0; i + 1 < ends.size(); ++i) {
    const auto known = static_cast<std::size_t>(ends[i]);
    const auto next = order.subspan(known, static_cast<std::size_t>(ends[i + 1]) - known);
    TEPUI_TRY(const std::vector<double> log_p, fit(order.first(known), next));
    TEPUI_ASSERT(log_p.size() == next.size() * k);
    const double n = static_cast<double>(known);
    for (std::size_t r = 0; r < next.size(); ++r) {
      const int label = labels[static_cast<std::size_t>(next[r])];
      const double p = std::exp(log_p[r * k + static_cast<std::size_t>(label)]);
      code.bits -= std::log2((n * p + 1 / static_cast<double>(classes)) / (n + 1));
    }
  }
  return code;
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "ops/agreement.h"

#include <cmath>
#include <cstring>

#include "base/assert.h"

namespace tepui {

namespace {

double share_of(double expected, double found, double bound) {
  if (expected == found || (std::isnan(expected) && std::isnan(found))) return 0;
  const double error = std::abs(expected - found);
  if (!std::isfinite(error) || !(bound > 0)) return HUGE_VAL;
  return error / bound;
}

}  // namespace

std::vector<double> bounds_of(const Op& op, const BoundRequest& request) {
  if (op.bound == nullptr) return {};
  const HostView& expected = request.expected[request.output];
  // What an op leaves out may not be off at all.
  std::vector<double> bounds(static_cast<std::size_t>(expected.type.shape.elements()), 0);
  op.bound(request, bounds);
  return bounds;
}

Agreement compare(const HostView& expected, const HostView& found, std::span<const double> bounds) {
  TEPUI_ASSERT(expected.type == found.type && expected.bytes.size() == found.bytes.size());
  Agreement agreement;
  const std::size_t size = dtype_bytes(expected.type.dtype);
  for (std::int64_t i = 0; i < expected.type.shape.elements(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (std::memcmp(&expected.bytes[at * size], &found.bytes[at * size], size) == 0) continue;
    const double share =
        bounds.empty() ? HUGE_VAL : share_of(expected.at(i), found.at(i), bounds[at]);
    if (share <= agreement.worst_share) continue;
    agreement.worst_share = share;
    agreement.worst = i;
  }
  return agreement;
}

}  // namespace tepui

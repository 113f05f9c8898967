// SPDX-License-Identifier: MIT
// What the norms' definitions share: a row is normalised in groups (its heads, or the whole row).
#pragma once

#include <cstddef>

#include "ops/check.h"
#include "ops/op_list.h"

namespace tepui {

inline Shape norm_weight_shape(const NormParams& p) {
  return p.apart != 0 ? shape_of(p.groups, p.dim) : shape_of(p.dim);
}

// Calls body(the group's first element, its first weight) for every group of every row.
template <class Body>
void for_each_group(const NormParams& p, const Body& body) {
  const std::size_t dim = p.dim;
  for (std::size_t r = 0; r < p.rows; ++r) {
    for (std::size_t g = 0; g < p.groups; ++g)
      body((r * p.groups + g) * dim, p.apart != 0 ? g * dim : 0);
  }
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
// Rows of a matrix as it is stored, read on the host: what a few output channels are made of.
#pragma once

#include <cstdint>
#include <vector>

#include "models/model.h"

namespace tepui {

// f32 [count, k]: rows [first, first + count) of the matrix; of experts, those of matrix `expert`.
// Not for matrices whose rows are put in another order (BoundWeight::paired_rows).
std::vector<float> matrix_rows(const BoundWeight& weight, std::uint32_t first, std::uint32_t count,
                               std::size_t expert = 0);

// The layer's weight of this role; null if the model has none.
const BoundWeight* find_weight(const Model& model, int layer, WeightRole role);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// Single elements of quantised blocks, for references, tests and error messages.
#pragma once

#include <cstddef>
#include <span>

#include "tepui/tensor.h"

namespace tepui {

// Element `index` of the block that begins at `block` (at any address), bit for bit what the gguf
// package's dequantize gives. The dtype must be a quantised one.
float quantised_element(DType dtype, const std::byte* block, int index);

// The bytes of a block at which its half-precision scales and minima begin. Its elements are finite
// exactly when these are. Empty for a dtype that is not quantised.
std::span<const int> block_halves(DType dtype);

}  // namespace tepui

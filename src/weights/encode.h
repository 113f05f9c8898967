// SPDX-License-Identifier: MIT
// Elements to the types that weights are stored in.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "tepui/tensor.h"

namespace tepui {

// Whether encode() gives this type: f32, f16, bf16 and q8_0.
bool can_encode(DType dtype);

// Rounded to nearest even; q8_0 as GGUF defines it: of each 32 neighbours d = largest |x| / 127 as
// f16, and round(x / d) with d not rounded. For q8_0 the number of elements must be a multiple of
// 32.
std::vector<std::byte> encode(std::span<const float> values, DType dtype);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// What stands before the data of NumPy's .npy files, version 1.0 (numpy.lib.format).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tepui {

// Of an array of this type ("<f4") and shape, whose data follow in C order, aligned to 64 bytes.
std::string npy_header(std::string_view descr, std::span<const std::int64_t> shape);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// The tensor types that GGUF files number (ggml's enum ggml_type).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "tepui/tensor.h"

namespace tepui {

// Nothing for a type that is not read; its name, where ggml has one.
std::optional<DType> dtype_from_ggml(std::uint32_t id);
std::string_view ggml_type_name(std::uint32_t id);  // empty: no type of ggml's

}  // namespace tepui

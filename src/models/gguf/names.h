// SPDX-License-Identifier: MIT
// The usual names of tensors in GGUF files, {} standing for the layer and a second {} for the
// expert.
#pragma once

#include <string_view>

#include "models/spec.h"

namespace tepui {

// Empty for a role that no architecture of llama.cpp's has.
std::string_view gguf_name(WeightRole role);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// Writes f32 tensors as one .safetensors file.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tepui/result.h"
#include "tepui/tensor.h"

namespace tepui {

struct FloatTensor {
  std::string name;
  Shape shape;
  std::span<const float> values;
};

// In the order of their names; `metadata` goes into the header's __metadata__. The file is on the
// disk when it returns.
Status write_safetensors(const std::filesystem::path& path, std::vector<FloatTensor> tensors,
                         const std::map<std::string, std::string>& metadata);

}  // namespace tepui

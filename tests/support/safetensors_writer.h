// SPDX-License-Identifier: MIT
// Small safetensors files for tests: tensors by name, laid one after the other in the order of
// their names.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "tepui/tensor.h"

namespace tepui::test {

struct SafetensorsTensor {
  DType dtype = DType::f32;
  Shape shape;
  std::string bytes;  // raw, as they go into the file
};
using SafetensorsTensors = std::map<std::string, SafetensorsTensor>;

// A tensor of f32, f16, bf16 or f64 from values that are rounded to its type.
SafetensorsTensor float_tensor(DType dtype, const Shape& shape, std::span<const float> values);

std::string safetensors_dtype(DType dtype);  // "BF16"

// The file's content; the header is padded with spaces to a multiple of 8 bytes.
std::string safetensors_content(const SafetensorsTensors& tensors);
// The content with a header of the test's own making, as it is.
std::string safetensors_content(const std::string& header, const std::string& data);

void write_safetensors(const std::filesystem::path& path, const SafetensorsTensors& tensors);

}  // namespace tepui::test

// SPDX-License-Identifier: MIT
#include "support/safetensors_writer.h"

#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/assert.h"
#include "base/half.h"
#include "support/paths.h"

namespace tepui::test {
namespace {

template <class T>
void append(std::string& bytes, T value) {
  const std::size_t at = bytes.size();
  bytes.resize(at + sizeof(T));
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

}  // namespace

SafetensorsTensor float_tensor(DType dtype, const Shape& shape, std::span<const float> values) {
  TEPUI_ASSERT(static_cast<std::int64_t>(values.size()) == shape.elements());
  SafetensorsTensor tensor{dtype, shape, ""};
  for (const float value : values) {
    switch (dtype) {
      case DType::f32: append(tensor.bytes, value); break;
      case DType::f16: append(tensor.bytes, f16_from_f32(value)); break;
      case DType::bf16: append(tensor.bytes, bf16_from_f32(value)); break;
      case DType::f64: append(tensor.bytes, static_cast<double>(value)); break;
      default: TEPUI_ASSERT(dtype == DType::f32); break;  // no float type
    }
  }
  return tensor;
}

std::string safetensors_dtype(DType dtype) {
  std::string name(dtype_name(dtype));
  for (char& letter : name) letter = letter >= 'a' ? static_cast<char>(letter - 'a' + 'A') : letter;
  return name;
}

std::string safetensors_content(const SafetensorsTensors& tensors) {
  nlohmann::json header = nlohmann::json::object();
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    std::vector<std::int64_t> shape;
    for (int axis = 0; axis < tensor.shape.rank(); ++axis) shape.push_back(tensor.shape[axis]);
    header[name] = {{"dtype", safetensors_dtype(tensor.dtype)},
                    {"shape", shape},
                    {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data += tensor.bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return safetensors_content(text, data);
}

std::string safetensors_content(const std::string& header, const std::string& data) {
  std::string content;
  append(content, static_cast<std::uint64_t>(header.size()));
  return content + header + data;
}

void write_safetensors(const std::filesystem::path& path, const SafetensorsTensors& tensors) {
  write_file(path, safetensors_content(tensors));
}

}  // namespace tepui::test

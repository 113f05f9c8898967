// SPDX-License-Identifier: MIT
// Small GGUF files for tests: keys and tensors in the order in which they were added.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tepui/tensor.h"

namespace tepui::test {

class GgufWriter {
 public:
  GgufWriter& text(const std::string& key, const std::string& value);
  GgufWriter& u32(const std::string& key, std::uint32_t value);
  GgufWriter& f32(const std::string& key, float value);
  GgufWriter& boolean(const std::string& key, bool value);
  GgufWriter& texts(const std::string& key, const std::vector<std::string>& values);
  GgufWriter& floats(const std::string& key, const std::vector<float>& values);
  GgufWriter& ints(const std::string& key, const std::vector<std::int32_t>& values);
  // A key with raw bytes behind it: its type's number, then the value.
  GgufWriter& raw(const std::string& key, const std::string& bytes);
  // All keys of another file, whose first tensor has the given name.
  GgufWriter& keys_of(const std::string& file, const std::string& first_tensor);

  // Row-major; `type` is ggml's number of it. The data are padded to the alignment.
  GgufWriter& tensor(const std::string& name, const Shape& shape, std::uint32_t type,
                     const std::string& bytes);
  GgufWriter& alignment(std::uint32_t bytes);  // written as general.alignment
  GgufWriter& version(std::uint32_t number);

  std::string content() const;

 private:
  struct Tensor {
    std::string name;
    Shape shape;
    std::uint32_t type;
    std::string bytes;
  };
  std::uint32_t version_ = 3;
  std::uint32_t alignment_ = 32;
  std::uint64_t keys_ = 0;
  std::string key_bytes_;
  std::vector<Tensor> tensors_;
};

// The bytes of any plain value, as they lie in files.
template <class T>
std::string bytes_of(const T& value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(T));
}
std::string gguf_string(const std::string& text);  // length and bytes

}  // namespace tepui::test

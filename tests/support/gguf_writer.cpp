// SPDX-License-Identifier: MIT
#include "support/gguf_writer.h"

#include <gtest/gtest.h>

#include <cstring>

namespace tepui::test {

namespace {

constexpr std::uint32_t kU32 = 4, kI32 = 5, kF32 = 6, kBool = 7, kString = 8, kArray = 9;

template <class T>
std::string list_of(std::uint32_t type, const std::vector<T>& values) {
  std::string bytes = bytes_of(kArray) + bytes_of(type) + bytes_of(std::uint64_t{values.size()});
  for (const T& value : values) bytes += bytes_of(value);
  return bytes;
}

void pad(std::string& bytes, std::size_t alignment) {
  bytes.resize((bytes.size() + alignment - 1) / alignment * alignment, '\0');
}

}  // namespace

std::string gguf_string(const std::string& text) {
  return bytes_of(std::uint64_t{text.size()}) + text;
}

GgufWriter& GgufWriter::raw(const std::string& key, const std::string& bytes) {
  key_bytes_ += gguf_string(key) + bytes;
  ++keys_;
  return *this;
}

GgufWriter& GgufWriter::keys_of(const std::string& file, const std::string& first_tensor) {
  constexpr std::size_t kCounts = 2 * sizeof(std::uint32_t), kHeader = kCounts + 2 * sizeof(keys_);
  const std::size_t directory = file.find(gguf_string(first_tensor), kHeader);
  EXPECT_NE(directory, std::string::npos) << first_tensor;
  std::uint64_t keys = 0;
  std::memcpy(&keys, file.data() + kCounts + sizeof(keys), sizeof(keys));
  keys_ += keys;
  key_bytes_ += file.substr(kHeader, directory - kHeader);
  return *this;
}

GgufWriter& GgufWriter::text(const std::string& key, const std::string& value) {
  return raw(key, bytes_of(kString) + gguf_string(value));
}
GgufWriter& GgufWriter::u32(const std::string& key, std::uint32_t value) {
  return raw(key, bytes_of(kU32) + bytes_of(value));
}
GgufWriter& GgufWriter::f32(const std::string& key, float value) {
  return raw(key, bytes_of(kF32) + bytes_of(value));
}
GgufWriter& GgufWriter::boolean(const std::string& key, bool value) {
  return raw(key, bytes_of(kBool) + std::string(1, value ? '\1' : '\0'));
}
GgufWriter& GgufWriter::floats(const std::string& key, const std::vector<float>& values) {
  return raw(key, list_of(kF32, values));
}
GgufWriter& GgufWriter::ints(const std::string& key, const std::vector<std::int32_t>& values) {
  return raw(key, list_of(kI32, values));
}
GgufWriter& GgufWriter::texts(const std::string& key, const std::vector<std::string>& values) {
  std::string bytes = bytes_of(kArray) + bytes_of(kString) + bytes_of(std::uint64_t{values.size()});
  for (const std::string& value : values) bytes += gguf_string(value);
  return raw(key, bytes);
}

GgufWriter& GgufWriter::tensor(const std::string& name, const Shape& shape, std::uint32_t type,
                               const std::string& bytes) {
  tensors_.push_back({name, shape, type, bytes});
  return *this;
}

GgufWriter& GgufWriter::alignment(std::uint32_t bytes) {
  alignment_ = bytes;
  return u32("general.alignment", bytes);
}

GgufWriter& GgufWriter::version(std::uint32_t number) {
  version_ = number;
  return *this;
}

std::string GgufWriter::content() const {
  std::string file = "GGUF" + bytes_of(version_) + bytes_of(std::uint64_t{tensors_.size()}) +
                     bytes_of(keys_) + key_bytes_;
  std::string data;
  for (const Tensor& tensor : tensors_) {
    file += gguf_string(tensor.name) + bytes_of(static_cast<std::uint32_t>(tensor.shape.rank()));
    for (int axis = tensor.shape.rank() - 1; axis >= 0; --axis)
      file += bytes_of(static_cast<std::uint64_t>(tensor.shape[axis]));
    file += bytes_of(tensor.type) + bytes_of(std::uint64_t{data.size()});
    data += tensor.bytes;
    pad(data, alignment_);
  }
  pad(file, alignment_);
  return file + data;
}

}  // namespace tepui::test

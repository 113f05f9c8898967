// SPDX-License-Identifier: MIT
// One GGUF file: a header, metadata, a directory of tensors, then their data (the format:
// ggml/docs/gguf.md of ggml-org). Reading checks all that the file claims against its size
// (lengths, types, alignment, that tensors lie within the data and none overlaps another) and
// touches no tensor. Used for weights (weights/gguf.cpp) and for the tokenizer
// (input/gguf_tokenizer.cpp).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "gguf/metadata.h"
#include "tepui/result.h"
#include "tepui/tensor.h"

namespace tepui {

struct GgufTensor {
  std::string name;
  TensorType type;  // row-major: the file's sizes, which begin with the fastest, turned around
  std::span<const std::byte> bytes;
  std::uint64_t offset = 0;  // of the first byte within the file
};

struct GgufFile {
  MappedFile file;  // what metadata and tensors point into
  GgufMetadata metadata;
  std::vector<GgufTensor> tensors;
};

// Versions 2 and 3, which differ in nothing that is read here.
Result<GgufFile> read_gguf(MappedFile file);

}  // namespace tepui

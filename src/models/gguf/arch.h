// SPDX-License-Identifier: MIT
// How llama.cpp's architectures are read: which row of the architecture table each one is, and what
// its files hold differently. A GGUF file is turned into the configuration that an HF folder of the
// same model would have (models/gguf/config.h), so that a row of the architecture table serves both
// containers. Most names and keys are the same for all architectures and stand in one place; a row
// here says the rest.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "models/spec.h"

namespace tepui {

// A key without "{arch}." before it, and the key of config.json that takes its value as it is.
struct GgufKey {
  std::string_view gguf;
  std::string_view config;
};

// A key of config.json that is true exactly if the file has the tensor.
struct GgufFlag {
  std::string_view config;
  std::string_view tensor;
};

// A key of config.json that GGUF has none for, with the value that all files of the kind mean.
struct GgufConstant {
  std::string_view config;
  std::string_view json;
};

// A tensor's name, {} standing for the layer, where it is not the usual one.
struct GgufName {
  WeightRole role;
  std::string_view name;
};

struct GgufArch {
  std::string_view name;        // general.architecture
  std::string_view model_type;  // config.json's: the row it is read as
  bool rotary_pairs = false;    // the converter put the rows of q and k in rotary pairs
  bool fused_qkv = false;       // attn_qkv holds q, k and v in thirds
  std::span<const GgufKey> keys = {};
  std::span<const GgufFlag> flags = {};
  std::span<const GgufConstant> constants = {};
  std::span<const GgufName> names = {};
};

std::span<const GgufArch> gguf_architectures();

// The bindings of `arch` with GGUF's names and layouts.
std::vector<Binding> gguf_bindings(const ArchSpec& arch, const GgufArch& gguf);

// Tensors that are read otherwise, or by no one.
std::span<const std::string_view> gguf_ignored();

}  // namespace tepui

// SPDX-License-Identifier: MIT
// How llama.cpp's architectures are read: which row of the architecture table each one is, and what
// its files hold differently. A GGUF file is turned into the configuration that an HF folder of the
// same model would have (models/gguf/config.h), so that a row of the architecture table serves both
// containers. Names and keys are the same for nearly all architectures and stand in one place; a
// row here says the rest.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "models/spec.h"
#include "tepui/result.h"
#include "weights/source.h"

namespace tepui {

class GgufKeys;

// A key without "{arch}." before it, and the key of config.json that takes its value; a slash leads
// into an object. A number that is 0 means that the thing is not there, as in all of these files.
struct GgufKey {
  std::string_view gguf;
  std::string_view config;
};

// A key of config.json that is true exactly if the file has the tensor.
struct GgufFlag {
  std::string_view config;
  std::string_view tensor;
};

// A tensor's name, {} standing for the layer, where it is not the usual one; only in files that
// have `if_tensor`, unless that is empty.
struct GgufName {
  WeightRole role;
  std::string_view name;
  std::string_view if_tensor = {};
};

struct GgufArch {
  std::string_view name;        // general.architecture
  std::string_view model_type;  // config.json's: the row it is read as
  std::string_view if_key =
      {};                     // only where this key is there and not 0; else a later row is meant
  bool rotary_pairs = false;  // the converter put the rows of q and k in rotary pairs
  std::span<const GgufKey> keys = {};
  std::span<const GgufFlag> flags = {};
  std::span<const GgufName> names = {};
  // What the tables do not say.
  Status (*adjust)(const GgufKeys& keys, nlohmann::json& config) = nullptr;
};

std::span<const GgufArch> gguf_architectures();

// The bindings of `arch` with GGUF's names and layouts, as this file has them.
std::vector<Binding> gguf_bindings(const ArchSpec& arch, const GgufArch& gguf,
                                   const WeightSource& source);

// Tensors that are read otherwise, or by no one.
std::span<const std::string_view> gguf_ignored();

}  // namespace tepui

// SPDX-License-Identifier: MIT
// The weights of a model folder, in whichever container they lie.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "tepui/result.h"
#include "weights/source.h"

namespace tepui {

struct WeightFolder {
  std::string container;  // "safetensors" or "torch"
  std::unique_ptr<WeightSource> source;
};

// `model.safetensors` or the shards of its index, or, where neither is, `pytorch_model.bin` or the
// shards of its, which are read without executing anything (weights/torch_archive.h). Every shard
// must be there, and every tensor stand in the shard that the index says.
Result<WeightFolder> open_weight_folder(const std::filesystem::path& folder);

}  // namespace tepui

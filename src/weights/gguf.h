// SPDX-License-Identifier: MIT
// The weights of a GGUF file, or of all parts of a split one (NAME-00001-of-0000N.gguf, as
// llama.cpp's gguf-split writes them: the first part has the metadata). Tensors of rank 3, which
// hold a matrix for each expert, appear as these matrices, named NAME[0], NAME[1] and so on.
#pragma once

#include <filesystem>
#include <memory>

#include "gguf/metadata.h"
#include "weights/source.h"

namespace tepui {

struct GgufWeights {
  std::unique_ptr<WeightSource> source;  // holds the files that metadata points into
  GgufMetadata metadata;
};

// `file` is the only or the first part; the others must stand beside it.
Result<GgufWeights> open_gguf(const std::filesystem::path& file);

}  // namespace tepui

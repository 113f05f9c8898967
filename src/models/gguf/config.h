// SPDX-License-Identifier: MIT
// A GGUF file's metadata as the config.json that its model would have in an HF folder, and from it
// the ModelSpec. Names files, keys and architectures in its errors; a key of the architecture that
// nobody here knows is an error, because it may change what is computed.
#pragma once

#include "gguf/metadata.h"
#include "models/gguf/arch.h"
#include "models/spec.h"
#include "weights/source.h"

namespace tepui {

struct GgufModelSpec {
  ModelSpec spec;
  const GgufArch* gguf = nullptr;
};

// Tensors are asked for their shapes alone, but for rope_freqs, which are part of the
// configuration.
Result<GgufModelSpec> read_gguf_config(const GgufMetadata& metadata, const WeightSource& source);

}  // namespace tepui

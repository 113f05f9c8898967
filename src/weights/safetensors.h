// SPDX-License-Identifier: MIT
// One .safetensors file: 8 bytes of header length (little-endian), a JSON header, then the data.
// Reading checks all that the header claims against the file (types, sizes, that the tensors tile
// the data without gap or overlap) and touches no data. Called by the folder reader in shards.cpp.
#pragma once

#include <vector>

#include "base/mapped_file.h"
#include "weights/source.h"

namespace tepui {

// The tensors by name; their bytes point into `file`, which must outlive them.
Result<std::vector<TensorRef>> read_safetensors(const MappedFile& file);

}  // namespace tepui

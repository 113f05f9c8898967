// SPDX-License-Identifier: MIT
// How much a device computes at once where nothing else limits it. No result depends on the first;
// the rounding of losses, which are summed tile by tile, depends on the second.
#pragma once

#include "tepui/backend.h"

namespace tepui {

// Rows of a chunk.
int usual_chunk_tokens(const DeviceInfo& device);

// Columns of the vocabulary, of which the head makes logits.
int usual_head_tile(const DeviceInfo& device);

}  // namespace tepui

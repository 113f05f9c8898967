// SPDX-License-Identifier: MIT
// A tensor's bytes read out of its file into memory of the caller: what a model larger than memory
// is streamed with. Pages of the mapping are not touched.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "weights/source.h"

namespace tepui {

// The bytes from `first` on. An error where the file has become shorter.
Status read_bytes(const TensorRef& tensor, std::size_t first, std::span<std::byte> to);

// The bytes [first, first + count): those in memory as they are, others read into `buffer`.
Result<std::span<const std::byte>> piece_of(const TensorRef& tensor, std::size_t first,
                                            std::size_t count, std::vector<std::byte>& buffer);

// Asks the system to read the tensor ahead, into memory that is not this process's.
void read_ahead(const TensorRef& tensor);

// For tensors that are read through their mapping. An error where the file has become too short to
// touch it.
Status check_length(const TensorRef& tensor);
// Gives back the pages of the mapping that were touched; they are read again when needed.
void drop_pages(const TensorRef& tensor);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// The entries of a zip archive that holds them uncompressed, as torch.save writes it, with 64-bit
// sizes where they are needed: the bytes can then be used where they lie in the mapping.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tepui/result.h"

namespace tepui {

struct ZipEntry {
  std::string name;
  std::span<const std::byte> bytes;
  std::uint64_t offset = 0;  // of the first byte within the archive
};

// `file` opens the messages. A compressed or encrypted entry, one that reaches beyond the archive,
// and a directory that is not where it should be are errors.
Result<std::vector<ZipEntry>> read_stored_zip(std::span<const std::byte> archive,
                                              const std::string& file);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// Every scored token's log-likelihood as CSV: branch, sequence, position, token_id, piece,
// log_likelihood (nats). Positions count from the sequence's first token, which is never scored.
#pragma once

#include <filesystem>

#include "store/reader.h"
#include "tepui/result.h"

namespace tepui {

// The file appears whole or not at all.
Status write_token_file(StoreReader& store, const std::filesystem::path& file);

}  // namespace tepui

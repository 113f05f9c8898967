// SPDX-License-Identifier: MIT
// The tables of a store, documented where they are made, and the check that a file is one of ours
// and of a version that this program knows.
#pragma once

#include <filesystem>

#include "store/database.h"
#include "tepui/result.h"

namespace tepui {

inline constexpr const char* kStoreFile = "scan.sqlite";

// PRAGMA application_id ("TePu") and user_version of every store.
inline constexpr std::int64_t kStoreApplication = 0x54655075;
inline constexpr std::int64_t kStoreVersion = 2;

// The documented SQL text, as it is run on a new file.
const char* schema_sql();

// True: an empty file, the schema may be made. False: a store of the known version. Anything else
// is an error.
Result<bool> needs_schema(Database& database, const std::filesystem::path& file);

Status create_schema(Database& database);

}  // namespace tepui

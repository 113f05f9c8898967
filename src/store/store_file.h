// SPDX-License-Identifier: MIT
// The file of a store, opened to be read.
#pragma once

#include <filesystem>

#include "store/database.h"
#include "tepui/result.h"

namespace tepui {

struct StoreFile {
  std::filesystem::path file;
  Database database;
};

// A folder that holds a scan.sqlite, or such a file itself. An error where nothing was written into
// it yet; of a folder without one it names those in it that have one.
Result<StoreFile> open_store_file(const std::filesystem::path& folder_or_file);

// Whether nothing was written into the file of this folder, as a process leaves it that ends while
// it makes the store.
Result<bool> is_empty_store(const std::filesystem::path& folder);

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "report/report_folders.h"

#include <algorithm>
#include <filesystem>

#include "store/schema.h"
#include "study/emergence.h"
#include "study/training_log.h"

namespace tepui {

namespace {

namespace fs = std::filesystem;

bool is_drawn(const fs::path& folder) {
  std::error_code ignored;
  if (fs::exists(folder / kStoreFile, ignored) || fs::exists(folder / kTrainingLog, ignored))
    return true;
  const auto stores = watched_stores(folder);
  return stores && !stores->empty();
}

}  // namespace

std::vector<std::string> report_folders(std::span<const std::string> given) {
  std::vector<std::string> out;
  for (const std::string& folder : given) {
    std::vector<std::string> within;
    std::error_code error;
    if (!is_drawn(folder)) {
      for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
           entry.increment(error))
        if (is_drawn(entry->path())) within.push_back(entry->path().string());
    }
    if (within.empty()) within.push_back(folder);
    std::ranges::sort(within);
    out.insert(out.end(), within.begin(), within.end());
  }
  return out;
}

}  // namespace tepui

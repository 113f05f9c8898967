// SPDX-License-Identifier: MIT
#include "store/store_file.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <system_error>
#include <vector>

#include "base/read_files.h"
#include "base/utf8_text.h"
#include "store/schema.h"

namespace tepui {

namespace {

// A file in a folder that cannot be written: SQLite wants to make a shared-memory file beside a
// database in WAL mode. Without a log the file is whole, and may be read as one that never changes.
Result<Database> open_for_reading(const std::filesystem::path& file) {
  TEPUI_TRY(auto database, Database::open(file, Database::Mode::read));
  auto first = database.integer("SELECT count(*) FROM sqlite_schema");
  if (first) return database;
  std::error_code ignored;
  const auto log = std::filesystem::path(file.string() + "-wal");
  const auto log_size = std::filesystem::file_size(log, ignored);
  if (first.error().kind == ErrorKind::data || (!ignored && log_size > 0))
    return tl::unexpected(first.error());
  TEPUI_TRY(auto frozen, Database::open_immutable(file));
  TEPUI_TRY(frozen.integer("SELECT count(*) FROM sqlite_schema"));
  return frozen;
}

// "; folders in it have one: a, b, c and 3 more", of the folder of a sweep or of several runs.
std::string stores_within(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (std::filesystem::exists(entry->path() / kStoreFile, ignored))
      names.push_back(printable(entry->path().filename().string()));
  }
  if (names.empty()) return "";
  constexpr std::size_t kNamed = 3;
  std::ranges::sort(names);
  const std::size_t more = names.size() - std::min(names.size(), kNamed);
  names.resize(names.size() - more);
  return fmt::format("; folders in it have one: {}{}", fmt::join(names, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : "");
}

}  // namespace

Result<StoreFile> open_store_file(const std::filesystem::path& folder_or_file) {
  std::error_code ignored;
  std::error_code error;
  const auto file = std::filesystem::is_directory(folder_or_file, ignored)
                        ? folder_or_file / kStoreFile
                        : folder_or_file;
  const bool there = std::filesystem::exists(file, error);
  if (error)
    return fail(ErrorKind::io, "{}: expected a store that can be read: {}", file.string(),
                error.message());
  if (!there)
    return fail(ErrorKind::io, "{}: expected a store, found no such file{}", file.string(),
                stores_within(folder_or_file));
  TEPUI_TRY(auto database, open_for_reading(file));
  note_read_file(file);
  TEPUI_TRY(const bool empty, needs_schema(database, file));
  if (empty)
    return fail(ErrorKind::data, "{}: expected a store of tepui, found an empty file",
                file.string());
  return StoreFile{file, std::move(database)};
}

Result<bool> is_empty_store(const std::filesystem::path& folder) {
  TEPUI_TRY(auto database, open_for_reading(folder / kStoreFile));
  return needs_schema(database, folder / kStoreFile);
}

}  // namespace tepui

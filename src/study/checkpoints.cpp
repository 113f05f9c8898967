// SPDX-License-Identifier: MIT
#include "study/checkpoints.h"

#include <algorithm>
#include <charconv>
#include <functional>

#include "store/reader.h"
#include "store/schema.h"
#include "study/watch_rows.h"

namespace tepui {
namespace {

Result<std::vector<Checkpoint>> find_entries(
    const std::filesystem::path& folder,
    const std::function<bool(const std::filesystem::directory_entry&)>& counts) {
  std::vector<Checkpoint> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const auto step = step_of_name(entry.path().filename().string());
    if (step && counts(entry)) found.push_back({entry.path(), *step});
  }
  if (error) return fail(ErrorKind::io, "{}: {}", folder.string(), error.message());
  std::ranges::sort(found, {}, &Checkpoint::step);
  for (std::size_t i = 1; i < found.size(); ++i) {
    if (found[i].step == found[i - 1].step)
      return fail(ErrorKind::data, "{}: expected one checkpoint of step {}, found {} and {}",
                  folder.string(), found[i].step, found[i - 1].path.filename().string(),
                  found[i].path.filename().string());
  }
  return found;
}

}  // namespace

std::optional<std::int64_t> step_of_name(const std::string& name) {
  if (name == "initial") return 0;
  const std::size_t last = name.find_last_of("0123456789");
  if (last == std::string::npos) return std::nullopt;
  const std::size_t before = name.find_last_not_of("0123456789", last);
  const std::size_t first = before == std::string::npos ? 0 : before + 1;
  std::int64_t number = 0;
  const auto read = std::from_chars(name.data() + first, name.data() + last + 1, number);
  if (read.ec != std::errc()) return std::nullopt;
  return number;
}

Result<std::vector<Checkpoint>> find_checkpoints(const std::filesystem::path& folder) {
  TEPUI_TRY(auto found, find_entries(folder, [](const std::filesystem::directory_entry& entry) {
              return entry.is_directory() ? std::filesystem::exists(entry.path() / "config.json")
                                          : entry.path().extension() == ".pt";
            }));
  if (found.empty())
    return fail(ErrorKind::data,
                "{}: expected folders of checkpoints with a number in their names, found none",
                folder.string());
  return found;
}

Result<std::vector<Checkpoint>> find_watched(const std::filesystem::path& folder) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) return std::vector<Checkpoint>();
  return find_entries(folder, [](const std::filesystem::directory_entry& entry) {
    if (!std::filesystem::exists(entry.path() / kStoreFile)) return false;
    // Numbers are in the names of other stores too. What cannot be read is told when it is.
    auto store = StoreReader::open(entry.path().string());
    if (!store) return true;
    const auto identity = store->identity();
    return !identity || is_watch(*identity);
  });
}

}  // namespace tepui

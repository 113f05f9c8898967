// SPDX-License-Identifier: MIT
#include "study/sweep_merge.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/mapped_file.h"
#include "store/merge.h"
#include "store/output_file.h"
#include "store/reader.h"
#include "store/schema.h"
#include "study/run_store.h"
#include "study/sweep.h"

namespace tepui {

namespace {

namespace fs = std::filesystem;

bool has(const fs::path& folder, const char* file) {
  std::error_code ignored;
  return fs::exists(folder / file, ignored);
}

Result<MergedStore> join(const std::vector<fs::path>& parts, const fs::path& out) {
  TEPUI_TRY(merge_stores(parts, out));
  MergedStore merged;
  merged.folder = out;
  merged.parts = static_cast<int>(parts.size());
  TEPUI_TRY(StoreReader store, StoreReader::open(out));
  TEPUI_TRY(const auto finished, store.finished());
  TEPUI_TRY(const auto sequences, store.sequences());
  merged.finished = static_cast<int>(finished.size());
  merged.sequences = static_cast<int>(sequences.size());
  return merged;
}

Result<nlohmann::json> read_plan(const fs::path& folder) {
  TEPUI_TRY(const std::string text, read_file(folder / kSweepFile));
  auto plan = nlohmann::json::parse(text, nullptr, false);
  const bool good = plan.is_object() && plan.contains("jobs") && plan["jobs"].is_array() &&
                    std::ranges::all_of(plan["jobs"], [](const nlohmann::json& job) {
                      return job.is_object() && job.contains("key") && job["key"].is_string() &&
                             job.contains("folder") && job["folder"].is_string();
                    });
  if (good) return plan;
  return fail(ErrorKind::data, "{}: expected the plan of a sweep, found something else",
              (folder / kSweepFile).string());
}

Status same_plan(const nlohmann::json& first, const nlohmann::json& other, const fs::path& one,
                 const fs::path& two) {
  if (first == other) return {};
  const auto& a = first["jobs"];
  const auto& b = other["jobs"];
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    if (i < a.size() && i < b.size() && a[i] == b[i]) continue;
    const auto shown = [&](const nlohmann::json& list) {
      return i < list.size() ? list[i]["folder"].get<std::string>() : std::string("nothing");
    };
    return fail(ErrorKind::data,
                "{}: expected a shard of the same study as {}, found {} where that has {}: model, "
                "text, options, branches or the version of tepui differ",
                two.string(), one.string(), shown(b), shown(a));
  }
  return fail(ErrorKind::data, "{}: expected a shard of the same study as {}", two.string(),
              one.string());
}

// The stores of a job in a folder: of the whole, or of its units.
std::vector<fs::path> stores_of(const fs::path& folder, const std::string& job) {
  std::vector<fs::path> stores;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    const bool own = name == job || name.starts_with(job + ".");
    if (own && has(entry.path(), kStoreFile)) stores.push_back(entry.path());
  }
  std::ranges::sort(stores);
  return stores;
}

Result<std::vector<MergedStore>> merge_sweeps(std::span<const fs::path> folders,
                                              const fs::path& out) {
  TEPUI_TRY(const auto plan, read_plan(folders.front()));
  for (const fs::path& folder : folders) {
    TEPUI_TRY(const auto other, read_plan(folder));
    TEPUI_TRY(same_plan(plan, other, folders.front(), folder));
  }
  std::vector<MergedStore> merged;
  for (const auto& job : plan["jobs"]) {
    const auto name = job["folder"].get<std::string>();
    std::vector<fs::path> parts;
    for (const fs::path& folder : folders) {
      const auto own = stores_of(folder, name);
      parts.insert(parts.end(), own.begin(), own.end());
    }
    if (parts.empty())
      return fail(ErrorKind::data, "{}: expected results in one of the {} folders, found none",
                  name, folders.size());
    TEPUI_TRY(auto store, join(parts, out / name));
    merged.push_back(std::move(store));
  }
  TEPUI_TRY(auto file, OutputFile::create(out / kSweepFile));
  TEPUI_TRY(const std::string text, read_file(folders.front() / kSweepFile));
  TEPUI_TRY(file.write(text));
  TEPUI_TRY(file.commit());
  return merged;
}

}  // namespace

Result<std::vector<MergedStore>> merge_folders(std::span<const fs::path> folders,
                                               const fs::path& out) {
  std::size_t sweeps = 0;
  for (const fs::path& folder : folders) {
    const bool sweep = has(folder, kSweepFile);
    if (!sweep && !has(folder, kStoreFile))
      return fail(ErrorKind::data, "{}: expected the folder of a sweep or of a run, found neither",
                  folder.string());
    sweeps += sweep ? 1 : 0;
    std::error_code ignored;
    if (fs::equivalent(folder, out, ignored))
      return fail(ErrorKind::usage, "--out {}: expected another folder than those that are read",
                  out.string());
  }
  if (sweeps == folders.size()) return merge_sweeps(folders, out);
  if (sweeps != 0)
    return fail(ErrorKind::usage,
                "expected folders of sweeps or stores of runs, found some of both");
  TEPUI_TRY(auto merged, join({folders.begin(), folders.end()}, out));
  return std::vector<MergedStore>{std::move(merged)};
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "gguf/locate.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <system_error>
#include <vector>

namespace tepui {
namespace {

constexpr std::string_view kNumbered = "-00000-of-00000.gguf";

// 0 for a file that is no part of a split one.
int part_number(const std::string& name) {
  if (name.size() < kNumbered.size()) return 0;
  const std::string ending = name.substr(name.size() - kNumbered.size());
  for (std::size_t i = 0; i < ending.size(); ++i) {
    const bool digit = std::isdigit(static_cast<unsigned char>(ending[i])) != 0;
    if (kNumbered[i] == '0' ? !digit : ending[i] != kNumbered[i]) return 0;
  }
  return std::stoi(ending.substr(1, 5));
}

}  // namespace

Result<std::filesystem::path> gguf_file_of(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error))
    return path.extension() == ".gguf" ? path : std::filesystem::path();
  if (std::filesystem::exists(path / "config.json", error)) return std::filesystem::path();
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() == ".gguf" && part_number(name) <= 1) names.push_back(name);
  }
  if (error) return fail(ErrorKind::io, "{}: cannot be listed: {}", path.string(), error.message());
  if (names.empty()) return std::filesystem::path();
  std::ranges::sort(names);
  if (names.size() > 1)
    return fail(ErrorKind::usage, "{}: expected one .gguf file in this folder, found {}: {}",
                path.string(), names.size(), fmt::join(names, ", "));
  return path / names.front();
}

}  // namespace tepui

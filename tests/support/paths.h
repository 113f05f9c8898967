// SPDX-License-Identifier: MIT
// Where tests find their inputs: fixtures inside the tree, and a folder of larger real data beside
// the checkout that need not be there.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace tepui::test {

inline std::filesystem::path data_path(const std::string& relative) {
  return std::filesystem::path(TEPUI_TEST_DATA) / relative;
}

// A path below ../shared, or nothing where that folder is absent.
std::optional<std::filesystem::path> shared_path(const std::string& relative);

// An empty folder of this test's own, removed at the end of its life.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

void write_file(const std::filesystem::path& path, const std::string& content);

}  // namespace tepui::test

// SPDX-License-Identifier: MIT
#include "support/paths.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <system_error>

namespace tepui::test {

std::optional<std::filesystem::path> shared_path(const std::string& relative) {
  const auto path = std::filesystem::path(TEPUI_SOURCE_DIR) / ".." / "shared" / relative;
  if (!std::filesystem::exists(path)) return std::nullopt;
  return path;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "tepui-test-XXXXXX").string();
  EXPECT_NE(::mkdtemp(name.data()), nullptr);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void write_file(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

}  // namespace tepui::test

// SPDX-License-Identifier: MIT
// A file that appears whole or not at all: written beside its place under another name, synced, and
// renamed when complete. What is not committed leaves nothing behind.
#pragma once

#include <filesystem>
#include <string_view>

#include "tepui/result.h"

namespace tepui {

class OutputFile {
 public:
  // Makes the folder where it is missing.
  static Result<OutputFile> create(const std::filesystem::path& path);
  // Where a user chose the name: an error where it is a file that this process has read, or a store
  // of results.
  static Result<OutputFile> create_named(const std::filesystem::path& path);

  OutputFile() = default;
  OutputFile(OutputFile&& other) noexcept { *this = std::move(other); }
  OutputFile& operator=(OutputFile&& other) noexcept;
  ~OutputFile();

  Status write(std::string_view text);
  Status commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

Status write_to_stdout(std::string_view text);

}  // namespace tepui

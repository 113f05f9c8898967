// SPDX-License-Identifier: MIT
// A file that is written once, from its beginning to its end; on the disk when finish() returns.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>

#include "tepui/result.h"

namespace tepui {

class NewFile {
 public:
  static Result<NewFile> create(const std::filesystem::path& path);  // empties one that is there
  NewFile(NewFile&& other) noexcept
      : path_(std::move(other.path_)), descriptor_(other.descriptor_) {
    other.descriptor_ = -1;
  }
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();

  Status write(std::span<const std::byte> bytes);
  Status finish();

 private:
  NewFile(std::filesystem::path path, int descriptor)
      : path_(std::move(path)), descriptor_(descriptor) {}
  std::filesystem::path path_;
  int descriptor_ = -1;
};

Status write_new_file(const std::filesystem::path& path, std::string_view text);

// Puts a folder, whose files are finished, in another's place, so that either the one or the other
// is there whatever happens.
Status replace_folder(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace tepui

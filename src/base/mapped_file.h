// SPDX-License-Identifier: MIT
// A file mapped read-only for as long as the object lives. Move-only. Used by the weight sources,
// which hand out spans into it, so that tensors are read from the page cache and never copied.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "tepui/result.h"

namespace tepui {

class MappedFile {
 public:
  static Result<MappedFile> open(const std::filesystem::path& path);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::filesystem::path path_;
};

// The whole file as text, for configuration files and texts. Refuses what is not a readable regular
// file.
Result<std::string> read_file(const std::filesystem::path& path);

}  // namespace tepui

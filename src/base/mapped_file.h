// SPDX-License-Identifier: MIT
// A file mapped read-only for as long as the object lives, and open beside it. Move-only. Used by
// the weight sources, which hand out spans into it, and descriptors to read from without touching
// the mapping: a page of it that is touched counts as this process's memory, and one that lies
// behind the end of a file that was cut short meanwhile kills the process.
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
  int descriptor() const { return descriptor_; }  // -1 of an empty object

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  int descriptor_ = -1;
  std::filesystem::path path_;
};

// The whole file as text, for configuration files and texts. Refuses what is not a readable regular
// file.
Result<std::string> read_file(const std::filesystem::path& path);

}  // namespace tepui

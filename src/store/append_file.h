// SPDX-License-Identifier: MIT
// A file that grows: what was synced is there after a crash, what came behind it is cut off by
// whoever goes on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "tepui/result.h"

namespace tepui {

class AppendFile {
 public:
  // The first `keep` bytes of the file stay and the rest is cut off. Makes the file, and its
  // folder, where `keep` is 0; an error where the file is shorter.
  static Result<AppendFile> open(const std::filesystem::path& path, std::uint64_t keep);

  AppendFile() = default;
  AppendFile(AppendFile&& other) noexcept { *this = std::move(other); }
  AppendFile& operator=(AppendFile&& other) noexcept;
  ~AppendFile();

  Status write(std::span<const std::byte> bytes);
  Status write(std::string_view text);
  Status sync();  // what was written is on the disk when it returns

  std::uint64_t size() const { return size_; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace tepui

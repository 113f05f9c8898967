// SPDX-License-Identifier: MIT
// The hidden states of a wave on disk, in two files that take turns: while one part is computed,
// one side holds what it reads and the other what it leaves. Written through the system's cache;
// what must survive is synced.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>

#include "tepui/result.h"

namespace tepui {

// A file that is written and read at offsets. Move-only.
class PositionedFile {
 public:
  static Result<PositionedFile> open(const std::filesystem::path& path);  // made where missing
  PositionedFile() = default;
  PositionedFile(PositionedFile&& other) noexcept { *this = std::move(other); }
  PositionedFile& operator=(PositionedFile&& other) noexcept;
  ~PositionedFile();

  bool is_open() const { return descriptor_ >= 0; }
  Status write(std::uint64_t at, std::span<const std::byte> bytes);
  Status read(std::uint64_t at, std::span<std::byte> to) const;  // all of it, or an error
  Status cut(std::uint64_t length);
  Status sync();

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

class StateFile {
 public:
  // For lanes of `rows` rows of `row_bytes` each.
  static Result<StateFile> open(const std::filesystem::path& folder, std::int64_t rows,
                                std::size_t row_bytes);

  Status write(int side, int lane, std::int64_t first_row, std::span<const std::byte> bytes) {
    return sides_[static_cast<std::size_t>(side)].write(place(lane, first_row), bytes);
  }
  Status read(int side, int lane, std::int64_t first_row, std::span<std::byte> to) const {
    return sides_[static_cast<std::size_t>(side)].read(place(lane, first_row), to);
  }
  Status sync(int side) { return sides_[static_cast<std::size_t>(side)].sync(); }

 private:
  std::uint64_t place(int lane, std::int64_t first_row) const {
    return (static_cast<std::uint64_t>(lane) * static_cast<std::uint64_t>(rows_) +
            static_cast<std::uint64_t>(first_row)) *
           row_bytes_;
  }
  std::array<PositionedFile, 2> sides_;
  std::int64_t rows_ = 0;
  std::size_t row_bytes_ = 0;
};

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "exec/state_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace tepui {

Result<PositionedFile> PositionedFile::open(const std::filesystem::path& path) {
  PositionedFile file;
  file.path_ = path;
  file.descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file.descriptor_ < 0)
    return fail(ErrorKind::io, "{}: cannot be written: {}", path.string(), std::strerror(errno));
  return file;
}

PositionedFile& PositionedFile::operator=(PositionedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

PositionedFile::~PositionedFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status PositionedFile::write(std::uint64_t at, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0)
      return fail(ErrorKind::io,
                  "{}: {} bytes of hidden state cannot be written at byte offset {}: {}; what is "
                  "done is kept, and the same command goes on from there",
                  path_.string(), bytes.size(), at, std::strerror(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    at += static_cast<std::uint64_t>(done);
  }
  return {};
}

Status PositionedFile::read(std::uint64_t at, std::span<std::byte> to) const {
  while (!to.empty()) {
    const ssize_t done = ::pread(descriptor_, to.data(), to.size(), static_cast<off_t>(at));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0)
      return fail(
          ErrorKind::io,
          "{}: expected {} bytes at byte offset {}, {}; without this folder the unit in hand "
          "is computed anew",
          path_.string(), to.size(), at,
          done == 0 ? "found the end of the file" : std::strerror(errno));
    to = to.subspan(static_cast<std::size_t>(done));
    at += static_cast<std::uint64_t>(done);
  }
  return {};
}

Status PositionedFile::cut(std::uint64_t length) {
  if (::ftruncate(descriptor_, static_cast<off_t>(length)) == 0) return {};
  return fail(ErrorKind::io, "{}: cannot be cut to {} bytes: {}", path_.string(), length,
              std::strerror(errno));
}

Status PositionedFile::sync() {
  if (::fdatasync(descriptor_) == 0) return {};
  return fail(ErrorKind::io, "{}: cannot be synced: {}; what is done is kept", path_.string(),
              std::strerror(errno));
}

Result<StateFile> StateFile::open(const std::filesystem::path& folder, std::int64_t rows,
                                  std::size_t row_bytes) {
  StateFile file;
  file.rows_ = rows;
  file.row_bytes_ = row_bytes;
  for (std::size_t side = 0; side < file.sides_.size(); ++side) {
    TEPUI_TRY(file.sides_[side], PositionedFile::open(folder / ("states." + std::to_string(side))));
  }
  return file;
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "store/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace tepui {

namespace {

tl::unexpected<Error> cannot_write(const std::filesystem::path& path, int reason) {
  return fail(ErrorKind::io, "{}: cannot be written: {}", path.string(), std::strerror(reason));
}

}  // namespace

Result<AppendFile> AppendFile::open(const std::filesystem::path& path, std::uint64_t keep) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error)
    return fail(ErrorKind::io, "{}: the folder cannot be made: {}", path.parent_path().string(),
                error.message());
  AppendFile file;
  file.path_ = path;
  const int create = keep == 0 ? O_CREAT : 0;
  file.descriptor_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | create, 0666);
  if (file.descriptor_ < 0) return cannot_write(path, errno);
  struct stat status = {};
  if (::fstat(file.descriptor_, &status) != 0) return cannot_write(path, errno);
  if (static_cast<std::uint64_t>(status.st_size) < keep)
    return fail(ErrorKind::data,
                "{}: expected at least {} bytes, which were written before, found {}",
                path.string(), keep, status.st_size);
  if (::ftruncate(file.descriptor_, static_cast<off_t>(keep)) != 0)
    return cannot_write(path, errno);
  file.size_ = keep;
  return file;
}

AppendFile& AppendFile::operator=(AppendFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  return *this;
}

AppendFile::~AppendFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status AppendFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return cannot_write(path_, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    size_ += static_cast<std::uint64_t>(written);
  }
  return {};
}

Status AppendFile::write(std::string_view text) {
  return write(std::as_bytes(std::span(text.data(), text.size())));
}

Status AppendFile::sync() {
  if (::fsync(descriptor_) != 0 && errno != EINVAL) return cannot_write(path_, errno);
  return {};
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "store/writer.h"

namespace tepui {

Result<std::optional<WriteLock>> WriteLock::try_acquire(const std::filesystem::path& folder,
                                                        const std::string& name) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return fail(ErrorKind::io, "{}: the folder cannot be made: {}", folder.string(),
                error.message());
  const auto file = folder / name;
  WriteLock lock;
  lock.descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock.descriptor_ < 0)
    return fail(ErrorKind::io, "{}: cannot be written: {}", file.string(), std::strerror(errno));
  if (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) return std::nullopt;
  return fail(ErrorKind::io, "{}: cannot be locked: {}", file.string(), std::strerror(errno));
}

Result<WriteLock> WriteLock::acquire(const std::filesystem::path& folder) {
  TEPUI_TRY(auto lock, try_acquire(folder, "scan.lock"));
  if (lock) return *std::move(lock);
  return fail(ErrorKind::io,
              "{}: another process is writing to this store; wait for it to end, or choose "
              "another --out",
              folder.string());
}

WriteLock::WriteLock(WriteLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

WriteLock& WriteLock::operator=(WriteLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

WriteLock::~WriteLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace tepui

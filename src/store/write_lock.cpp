// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "store/writer.h"

namespace tepui {

Result<WriteLock> WriteLock::acquire(const std::filesystem::path& folder) {
  const auto file = folder / "scan.lock";
  WriteLock lock;
  lock.descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock.descriptor_ < 0)
    return fail(ErrorKind::io, "{}: cannot be written: {}", file.string(), std::strerror(errno));
  if (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return fail(ErrorKind::io,
                  "{}: another process is writing to this store; wait for it to end, or choose "
                  "another --out",
                  folder.string());
    return fail(ErrorKind::io, "{}: cannot be locked: {}", file.string(), std::strerror(errno));
  }
  return lock;
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

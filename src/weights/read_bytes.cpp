// SPDX-License-Identifier: MIT
#include "weights/read_bytes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/utf8_text.h"

namespace tepui {

namespace {

tl::unexpected<Error> cut_short(const TensorRef& tensor, std::uint64_t length) {
  return fail(ErrorKind::io,
              "{}: tensor {}: expected {} bytes at byte offset {}, found the file cut short to {} "
              "bytes since it was opened",
              tensor.file, printable(tensor.name), tensor.bytes.size(), tensor.offset, length);
}

}  // namespace

Status read_bytes(const TensorRef& tensor, std::size_t first, std::span<std::byte> to) {
  if (tensor.descriptor < 0) {
    if (!to.empty()) std::memcpy(to.data(), tensor.bytes.data() + first, to.size());
    return {};
  }
  std::uint64_t at = tensor.offset + first;
  while (!to.empty()) {
    const ssize_t got = ::pread(tensor.descriptor, to.data(), to.size(), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return fail(ErrorKind::io, "{}: tensor {}: cannot be read at byte offset {}: {}", tensor.file,
                  printable(tensor.name), at, std::strerror(errno));
    if (got == 0) return cut_short(tensor, at);
    to = to.subspan(static_cast<std::size_t>(got));
    at += static_cast<std::uint64_t>(got);
  }
  return {};
}

Result<std::span<const std::byte>> piece_of(const TensorRef& tensor, std::size_t first,
                                            std::size_t count, std::vector<std::byte>& buffer) {
  if (tensor.descriptor < 0) return tensor.bytes.subspan(first, count);
  if (buffer.size() < count) buffer = std::vector<std::byte>(count);
  TEPUI_TRY(read_bytes(tensor, first, std::span(buffer).first(count)));
  return std::span<const std::byte>(buffer).first(count);
}

void read_ahead(const TensorRef& tensor) {
  if (tensor.descriptor < 0) return;
  // Only advice: where it is refused, reading waits instead.
  static_cast<void>(::posix_fadvise(tensor.descriptor, static_cast<off_t>(tensor.offset),
                                    static_cast<off_t>(tensor.bytes.size()), POSIX_FADV_WILLNEED));
}

Status check_length(const TensorRef& tensor) {
  if (tensor.descriptor < 0) return {};
  struct stat info {};
  const bool known = ::fstat(tensor.descriptor, &info) == 0;
  const auto length = known ? static_cast<std::uint64_t>(info.st_size) : 0;
  if (length < tensor.offset + tensor.bytes.size()) return cut_short(tensor, length);
  return {};
}

void drop_pages(const TensorRef& tensor) {
  if (tensor.descriptor < 0 || tensor.bytes.empty()) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) + tensor.bytes.size();
  static_cast<void>(::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED));
}

}  // namespace tepui

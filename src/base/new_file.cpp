// SPDX-License-Identifier: MIT
#include "base/new_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tepui {
namespace {

tl::unexpected<Error> file_error(const std::filesystem::path& path, std::string_view what) {
  return fail(ErrorKind::io, "{}: {}: {}", path.string(), what, std::strerror(errno));
}

Status sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY);
  if (descriptor < 0) return file_error(folder, "cannot be opened");
  const bool synced = ::fsync(descriptor) == 0;
  ::close(descriptor);
  if (!synced) return file_error(folder, "cannot be synced");
  return {};
}

}  // namespace

Result<NewFile> NewFile::create(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return file_error(path, "cannot be created");
  return NewFile(path, descriptor);
}

NewFile::~NewFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status NewFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return file_error(path_, "cannot be written");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Status NewFile::finish() {
  const bool synced = ::fsync(descriptor_) == 0 || errno == EINVAL || errno == EROFS;
  if (!synced) return file_error(path_, "cannot be synced");
  const bool closed = ::close(descriptor_) == 0;
  descriptor_ = -1;
  if (!closed) return file_error(path_, "cannot be closed");
  return {};
}

Status write_new_file(const std::filesystem::path& path, std::string_view text) {
  TEPUI_TRY(NewFile file, NewFile::create(path));
  TEPUI_TRY(file.write(std::as_bytes(std::span(text))));
  return file.finish();
}

Status replace_folder(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code error;
  std::filesystem::path old = to;
  old += ".old";
  std::filesystem::remove_all(old, error);
  if (std::filesystem::exists(to, error)) {
    std::filesystem::rename(to, old, error);
    if (error)
      return fail(ErrorKind::io, "{}: cannot be moved away: {}", to.string(), error.message());
  }
  std::filesystem::rename(from, to, error);
  if (error)
    return fail(ErrorKind::io, "{}: cannot be moved to {}: {}", from.string(), to.string(),
                error.message());
  TEPUI_TRY(sync_folder(to.parent_path()));
  std::filesystem::remove_all(old, error);
  return {};
}

}  // namespace tepui

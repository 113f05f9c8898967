// SPDX-License-Identifier: MIT
#include "store/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include "base/read_files.h"

namespace tepui {

namespace {

Status write_all(int descriptor, std::string_view text, const std::string& name) {
  while (!text.empty()) {
    const auto written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0)
      return fail(ErrorKind::io, "{}: cannot be written: {}", name, std::strerror(errno));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// By SQLite's first bytes.
bool is_database(const std::filesystem::path& path) {
  constexpr std::string_view kMagic = "SQLite format 3";
  std::array<char, kMagic.size()> begin{};
  std::ifstream stream(path, std::ios::binary);
  stream.read(begin.data(), begin.size());
  return stream && std::string_view(begin.data(), begin.size()) == kMagic;
}

}  // namespace

Result<OutputFile> OutputFile::create(const std::filesystem::path& path) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error)
    return fail(ErrorKind::io, "{}: the folder cannot be made: {}", path.parent_path().string(),
                error.message());
  OutputFile file;
  file.path_ = path;
  const auto there = std::filesystem::status(path, error);
  // A device or a pipe is written to: a file in its place would not be what was asked for.
  if (std::filesystem::is_other(there)) {
    file.descriptor_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    file.temporary_ = path.string() + fmt::format(".part{}", ::getpid());
    file.descriptor_ =
        ::open(file.temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  }
  if (file.descriptor_ < 0)
    return fail(ErrorKind::io, "{}: cannot be written: {}", path.string(), std::strerror(errno));
  return file;
}

Result<OutputFile> OutputFile::create_named(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error)) {
    if (was_read(path))
      return fail(ErrorKind::usage,
                  "{}: expected the name of a file to write, found one that this command reads",
                  path.string());
    if (is_database(path))
      return fail(ErrorKind::usage,
                  "{}: expected the name of a file to write, found a store of results",
                  path.string());
  }
  return create(path);
}

OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

OutputFile::~OutputFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status OutputFile::write(std::string_view text) {
  return write_all(descriptor_, text, path_.string());
}

Status OutputFile::commit() {
  if (temporary_.empty()) {
    if (::close(std::exchange(descriptor_, -1)) == 0) return {};
    return fail(ErrorKind::io, "{}: cannot be written: {}", path_.string(), std::strerror(errno));
  }
  if (::fsync(descriptor_) != 0)
    return fail(ErrorKind::io, "{}: cannot be written: {}", path_.string(), std::strerror(errno));
  ::close(std::exchange(descriptor_, -1));
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int reason = errno;
    ::unlink(temporary_.c_str());
    return fail(ErrorKind::io, "{}: cannot be written: {}", path_.string(), std::strerror(reason));
  }
  return {};
}

Status write_to_stdout(std::string_view text) {
  return write_all(STDOUT_FILENO, text, "standard output");
}

}  // namespace tepui

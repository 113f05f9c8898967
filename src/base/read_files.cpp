// SPDX-License-Identifier: MIT
#include "base/read_files.h"

#include <sys/stat.h>

#include <mutex>
#include <set>
#include <utility>

namespace tepui {
namespace {

class ReadFiles {
 public:
  void add(const struct stat& info) {
    const std::lock_guard lock(mutex_);
    files_.emplace(info.st_dev, info.st_ino);
  }
  bool has(const struct stat& info) {
    const std::lock_guard lock(mutex_);
    return files_.contains({info.st_dev, info.st_ino});
  }

 private:
  std::mutex mutex_;
  std::set<std::pair<dev_t, ino_t>> files_;
};

ReadFiles& read_files() {
  static ReadFiles files;
  return files;
}

}  // namespace

void note_read_file(int descriptor) {
  struct stat info {};
  if (::fstat(descriptor, &info) == 0) read_files().add(info);
}

void note_read_file(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) read_files().add(info);
}

bool was_read(const std::filesystem::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && read_files().has(info);
}

}  // namespace tepui

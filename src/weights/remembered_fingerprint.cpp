// SPDX-License-Identifier: MIT
// To hash a large model is to read all of it, as long as a scan takes. What was hashed is
// remembered under what the system says of the files: whoever writes to one changes its time of
// change, which no program can set. A file that changed a moment ago may change again within the
// clock's resolution, and is not remembered yet.
#include <sys/stat.h>

#include <ctime>
#include <fstream>
#include <set>
#include <system_error>

#include <unistd.h>

#include "base/cache_folder.h"
#include "base/hash.h"
#include "weights/source.h"

namespace tepui {
namespace {

constexpr std::uint64_t kLarge = std::uint64_t{32} << 20;  // hashed in some milliseconds below
constexpr std::time_t kSettled = 2;                        // seconds

// Empty where the files cannot be told apart from changed ones.
std::string key_of(const WeightSource& source) {
  std::string key = "tepui fingerprint 1\n";
  std::set<int> seen;
  for (const TensorRef& tensor : source.tensors()) {
    if (tensor.descriptor < 0) return {};
    key += fmt::format("{} {} {} {}\n", tensor.name.size(), tensor.name, tensor.type.to_string(),
                       tensor.offset);
    if (!seen.insert(tensor.descriptor).second) continue;
    struct stat info {};
    if (::fstat(tensor.descriptor, &info) != 0) return {};
    const std::time_t now = std::time(nullptr);
    if (now - info.st_ctim.tv_sec < kSettled || now - info.st_mtim.tv_sec < kSettled) return {};
    key += fmt::format("file {} {} {} {}.{} {}.{}\n", info.st_dev, info.st_ino, info.st_size,
                       info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_ctim.tv_sec,
                       info.st_ctim.tv_nsec);
  }
  return hash_hex(key);
}

// Empty where there is none.
std::string remembered(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::string value;
  stream >> value;
  const bool whole =
      value.size() == 32 && value.find_first_not_of("0123456789abcdef") == std::string::npos;
  return whole ? value : std::string();
}

// A cache: where it cannot be written, the model is hashed again next time.
void remember(const std::filesystem::path& file, const std::string& value) {
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  const std::filesystem::path part = file.string() + fmt::format(".{}", ::getpid());
  {
    std::ofstream stream(part);
    stream << value << '\n';
    if (!stream.flush()) error = std::make_error_code(std::errc::io_error);
  }
  if (!error) std::filesystem::rename(part, file, error);
  if (error) std::filesystem::remove(part, error);
}

}  // namespace

Result<std::string> remembered_fingerprint(
    const WeightSource& source, ThreadPool& pool,
    const std::function<void(std::uint64_t)>& before_reading) {
  std::uint64_t bytes = 0;
  for (const TensorRef& tensor : source.tensors()) bytes += tensor.bytes.size();
  if (bytes < kLarge) return fingerprint(source, pool);
  const std::string key = key_of(source);
  const std::filesystem::path folder = cache_folder();
  const bool has_place = !key.empty() && !folder.empty();
  const std::filesystem::path file = folder / "fingerprints" / key;
  if (has_place) {
    std::string known = remembered(file);
    if (!known.empty()) return known;
  }
  if (before_reading) before_reading(bytes);
  TEPUI_TRY(std::string value, fingerprint(source, pool));
  // Not what changed while it was read.
  if (has_place && key_of(source) == key) remember(file, value);
  return value;
}

}  // namespace tepui

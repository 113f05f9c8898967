// SPDX-License-Identifier: MIT
#include "weights/stored_zip.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace tepui {

namespace {

constexpr std::uint32_t kEnd = 0x06054b50;         // end of central directory
constexpr std::uint32_t kEnd64 = 0x06064b50;       // its 64-bit form
constexpr std::uint32_t kEnd64Place = 0x07064b50;  // where that is
constexpr std::uint32_t kCentral = 0x02014b50;
constexpr std::uint32_t kLocal = 0x04034b50;
constexpr std::uint64_t kEndBytes = 22;
constexpr std::uint64_t kCentralBytes = 46;
constexpr std::uint64_t kLocalBytes = 30;

class ZipReader {
 public:
  ZipReader(std::span<const std::byte> archive, const std::string& file)
      : archive_(archive), file_(file) {}

  Result<std::vector<ZipEntry>> entries() {
    TEPUI_TRY(const Directory directory, find_directory());
    std::vector<ZipEntry> out;
    std::uint64_t at = directory.offset;
    for (std::uint64_t i = 0; i < directory.entries; ++i) {
      TEPUI_TRY(ZipEntry entry, read_entry(at));
      out.push_back(std::move(entry));
    }
    return out;
  }

 private:
  struct Directory {
    std::uint64_t offset = 0;
    std::uint64_t entries = 0;
  };

  template <class T>
  std::optional<T> at(std::uint64_t offset) const {
    if (offset > archive_.size() || archive_.size() - offset < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, archive_.data() + offset, sizeof(T));
    return value;
  }
  std::uint64_t u16(std::uint64_t offset) const { return at<std::uint16_t>(offset).value_or(0); }
  std::uint64_t u32(std::uint64_t offset) const { return at<std::uint32_t>(offset).value_or(0); }

  tl::unexpected<Error> bad(std::uint64_t offset, std::string_view expected) const {
    return fail(ErrorKind::data, "{}: expected {} at byte {} of {}", file_, expected, offset,
                archive_.size());
  }

  // A comment may follow the end record, of at most 65535 bytes.
  Result<Directory> find_directory() const {
    const std::uint64_t size = archive_.size();
    for (std::uint64_t back = kEndBytes; back <= std::min<std::uint64_t>(size, kEndBytes + 65535);
         ++back) {
      const std::uint64_t end = size - back;
      if (at<std::uint32_t>(end) != kEnd || u16(end + 20) + kEndBytes != back) continue;
      Directory found{u32(end + 16), u16(end + 10)};
      const bool is_wide = end >= 20 && at<std::uint32_t>(end - 20) == kEnd64Place;
      if (!is_wide) return found;
      const std::uint64_t wide = at<std::uint64_t>(end - 12).value_or(0);
      if (at<std::uint32_t>(wide) != kEnd64) return bad(wide, "a zip archive's 64-bit end record");
      return Directory{at<std::uint64_t>(wide + 48).value_or(size),
                       at<std::uint64_t>(wide + 32).value_or(0)};
    }
    return fail(
        ErrorKind::data,
        "{}: expected a zip archive as torch.save writes it, found none (files of torch before "
        "1.6 are not read: load and save them with a later one)",
        file_);
  }

  // 64-bit sizes stand in an extra field, only those that do not fit 32 bits, in this order.
  struct Sizes {
    std::uint64_t whole = 0;
    std::uint64_t stored = 0;
    std::uint64_t local = 0;
  };
  Sizes read_sizes(std::uint64_t central) const {
    Sizes sizes{u32(central + 24), u32(central + 20), u32(central + 42)};
    std::uint64_t extra = central + kCentralBytes + u16(central + 28);
    const std::uint64_t end = extra + u16(central + 30);
    while (extra + 4 <= end) {
      std::uint64_t field = extra + 4;
      if (u16(extra) == 1) {
        for (std::uint64_t* size : {&sizes.whole, &sizes.stored, &sizes.local}) {
          if (*size != 0xffffffff) continue;
          *size = at<std::uint64_t>(field).value_or(UINT64_MAX);
          field += 8;
        }
      }
      extra += 4 + u16(extra + 2);
    }
    return sizes;
  }

  Result<ZipEntry> read_entry(std::uint64_t& central) const {
    if (at<std::uint32_t>(central) != kCentral)
      return bad(central, "a zip archive's directory entry");
    const std::uint64_t name_bytes = u16(central + 28);
    const std::uint64_t name = central + kCentralBytes;
    if (name + name_bytes > archive_.size()) return bad(name, "an entry's name");
    ZipEntry entry;
    entry.name.assign(reinterpret_cast<const char*>(archive_.data() + name), name_bytes);
    const Sizes sizes = read_sizes(central);
    if (u16(central + 10) != 0 || (u16(central + 8) & 1) != 0 || sizes.whole != sizes.stored)
      return bad(central, "an entry that is neither compressed nor encrypted");
    if (at<std::uint32_t>(sizes.local) != kLocal) return bad(sizes.local, "a zip archive's entry");
    entry.offset = sizes.local + kLocalBytes + u16(sizes.local + 26) + u16(sizes.local + 28);
    if (entry.offset > archive_.size() || archive_.size() - entry.offset < sizes.stored)
      return bad(entry.offset, fmt::format("an entry's {} bytes", sizes.stored));
    entry.bytes = archive_.subspan(entry.offset, sizes.stored);
    central = name + name_bytes + u16(central + 30) + u16(central + 32);
    return entry;
  }

  std::span<const std::byte> archive_;
  const std::string& file_;
};

}  // namespace

Result<std::vector<ZipEntry>> read_stored_zip(std::span<const std::byte> archive,
                                              const std::string& file) {
  return ZipReader(archive, file).entries();
}

}  // namespace tepui

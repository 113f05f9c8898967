// SPDX-License-Identifier: MIT
#include "store/npz.h"

#include <zip.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <optional>

#include "base/utf8_text.h"
#include "store/npy_header.h"

namespace tepui {

namespace {

// 1 January 1980, the first day that a zip archive can name.
constexpr std::uint16_t kDosTime = 0;
constexpr std::uint16_t kDosDate = (1 << 5) | 1;

std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i, value >>= 8) text += static_cast<char>(value & 0xff);
  return text;
}

std::uint64_t element_bytes(const std::string& descr) {
  const std::uint64_t number = std::stoull(descr.substr(2));
  return descr[1] == 'U' ? number * 4 : number;
}

std::uint64_t data_bytes(const NpzArray& array) {
  std::uint64_t bytes = element_bytes(array.descr);
  for (const std::int64_t extent : array.shape) bytes *= static_cast<std::uint64_t>(extent);
  return bytes;
}

// One member as libzip reads it.
struct Member {
  const NpzArray* array = nullptr;
  std::string header;
  NextPiece next;
  std::string piece;  // what was given and not yet read
  std::size_t at = 0;
  std::uint64_t given = 0;  // bytes of data
  std::optional<Error> error;
  zip_error_t zip_error{};

  std::uint64_t size() const { return header.size() + data_bytes(*array); }

  void open() {
    next = array->begin();
    piece = header;
    at = 0;
    given = 0;
  }

  zip_int64_t give_up(Error why) {
    error = std::move(why);
    zip_error_set(&zip_error, ZIP_ER_READ, 0);
    return -1;
  }

  zip_int64_t read(char* target, std::uint64_t wanted) {
    if (at == piece.size()) {
      auto more = next();
      if (!more) return give_up(more.error());
      given += more->size();
      const std::uint64_t expected = data_bytes(*array);
      if (given > expected || (more->empty() && given != expected))
        return give_up({ErrorKind::data, fmt::format("array {}: expected {} bytes, found {}",
                                                     array->name, expected, given)});
      piece = *std::move(more);
      at = 0;
    }
    const std::size_t count = std::min<std::uint64_t>(wanted, piece.size() - at);
    std::memcpy(target, piece.data() + at, count);
    at += count;
    return static_cast<zip_int64_t>(count);
  }

  zip_int64_t tell_facts(void* data) const {
    auto* facts = static_cast<zip_stat_t*>(data);
    zip_stat_init(facts);
    facts->size = size();
    facts->valid = ZIP_STAT_SIZE;
    return sizeof(zip_stat_t);
  }
};

zip_int64_t serve(void* user, void* data, zip_uint64_t length, zip_source_cmd_t command) {
  auto& member = *static_cast<Member*>(user);
  switch (command) {
    case ZIP_SOURCE_OPEN: member.open(); return 0;
    case ZIP_SOURCE_READ: return member.read(static_cast<char*>(data), length);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE: return 0;
    case ZIP_SOURCE_STAT: return member.tell_facts(data);
    case ZIP_SOURCE_ERROR: return zip_error_to_data(&member.zip_error, data, length);
    case ZIP_SOURCE_SUPPORTS: return ZIP_SOURCE_SUPPORTS_READABLE;
    default: zip_error_set(&member.zip_error, ZIP_ER_OPNOTSUPP, 0); return -1;
  }
}

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};

tl::unexpected<Error> cannot_write(const std::filesystem::path& path, zip_error_t* error) {
  return fail(ErrorKind::io, "{}: cannot be written: {}", path.string(), zip_error_strerror(error));
}

Status add_member(zip_t* archive, Member& member, const std::filesystem::path& path) {
  zip_source_t* source = zip_source_function(archive, serve, &member);
  if (source == nullptr) return cannot_write(path, zip_get_error(archive));
  const std::string name = member.array->name + ".npy";
  const zip_int64_t index = zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(source);
    return cannot_write(path, zip_get_error(archive));
  }
  const auto at = static_cast<zip_uint64_t>(index);
  if (zip_set_file_compression(archive, at, ZIP_CM_STORE, 0) != 0 ||
      zip_file_set_dostime(archive, at, kDosTime, kDosDate, 0) != 0)
    return cannot_write(path, zip_get_error(archive));
  return {};
}

NpzArray in_memory(std::string name, std::string descr, std::vector<std::int64_t> shape,
                   std::string bytes) {
  NpzArray array{std::move(name), std::move(descr), std::move(shape), {}};
  auto data = std::make_shared<const std::string>(std::move(bytes));
  array.begin = [data] {
    return [data, given = false]() mutable -> Result<std::string> {
      if (std::exchange(given, true)) return std::string();
      return *data;
    };
  };
  return array;
}

// The code points of a text, with every NUL spelled out.
std::vector<std::uint32_t> code_points(const std::string& text) {
  std::vector<std::uint32_t> points;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    if (point.value == 0) {
      for (const char letter : {'\\', 'x', '0', '0'})
        points.push_back(static_cast<std::uint32_t>(letter));
    } else {
      points.push_back(static_cast<std::uint32_t>(point.value));
    }
    at += std::max<std::size_t>(point.length, 1);
  }
  return points;
}

}  // namespace

NpzArray npz_integers(std::string name, const std::vector<std::int64_t>& values) {
  std::string bytes;
  for (const std::int64_t value : values)
    bytes += little_endian(static_cast<std::uint64_t>(value), 8);
  return in_memory(std::move(name), "<i8", {static_cast<std::int64_t>(values.size())}, bytes);
}

NpzArray npz_reals(std::string name, const std::vector<double>& values) {
  std::string bytes;
  for (const double value : values) bytes += little_endian(std::bit_cast<std::uint64_t>(value), 8);
  return in_memory(std::move(name), "<f8", {static_cast<std::int64_t>(values.size())}, bytes);
}

NpzArray npz_texts(std::string name, const std::vector<std::string>& values) {
  std::vector<std::vector<std::uint32_t>> all;
  std::size_t longest = 1;
  for (const std::string& value : values) {
    all.push_back(code_points(value));
    longest = std::max(longest, all.back().size());
  }
  std::string bytes;
  for (auto& points : all) {
    points.resize(longest);
    for (const std::uint32_t point : points) bytes += little_endian(point, 4);
  }
  return in_memory(std::move(name), fmt::format("<U{}", longest),
                   {static_cast<std::int64_t>(values.size())}, bytes);
}

Status write_npz(const std::filesystem::path& path, std::span<const NpzArray> arrays) {
  std::error_code fault;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), fault);
  if (fault)
    return fail(ErrorKind::io, "{}: the folder cannot be made: {}", path.parent_path().string(),
                fault.message());
  std::vector<Member> members;  // outlive the archive, which reads them when it is closed
  for (const NpzArray& array : arrays) {
    members.emplace_back();
    members.back().array = &array;
    members.back().header = npy_header(array.descr, array.shape);
    zip_error_init(&members.back().zip_error);
  }
  int code = 0;
  std::unique_ptr<zip_t, Discard> archive(zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code));
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const auto failed = cannot_write(path, &error);
    zip_error_fini(&error);
    return failed;
  }
  for (Member& member : members) TEPUI_TRY(add_member(archive.get(), member, path));
  // libzip writes beside the place and renames when all is there.
  if (zip_close(archive.get()) == 0) {
    archive.release();
    return {};
  }
  for (Member& member : members)
    if (member.error) return tl::unexpected<Error>(*member.error);
  return cannot_write(path, zip_get_error(archive.get()));
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "weights/safetensors.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "weights/mapped_source.h"
#include "weights/strict_json.h"

namespace tepui {
namespace {

using Json = nlohmann::json;

static_assert(std::endian::native == std::endian::little, "tensors are used as they lie in files");

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kLongestHeader = 100'000'000;  // the format's own limit

// Where an error is: "model.safetensors: tensor h.0.ln_1.weight".
std::string place_of(const std::string& file, std::string_view tensor) {
  return fmt::format("{}: tensor {}", file, printable(tensor));
}

std::optional<DType> dtype_from(std::string_view name) {
  constexpr std::pair<std::string_view, DType> kNames[] = {
      {"F64", DType::f64}, {"F32", DType::f32}, {"F16", DType::f16}, {"BF16", DType::bf16},
      {"I64", DType::i64}, {"I32", DType::i32}, {"U32", DType::u32}, {"U8", DType::u8},
      {"BOOL", DType::u8},  // old checkpoints hold attention masks, one byte an element
  };
  for (const auto& [known, dtype] : kNames) {
    if (known == name) return dtype;
  }
  return std::nullopt;
}

// A JSON value in a message, kept short.
std::string shown(const Json& value) {
  return printable(value.dump(-1, ' ', true, Json::error_handler_t::replace));
}

Result<const Json*> field_of(const Json& entry, const char* field, const std::string& place) {
  const auto found = entry.find(field);
  if (found == entry.end())
    return fail(ErrorKind::data, "{}: expected the field \"{}\", found none", place, field);
  return &*found;
}

Result<DType> read_dtype(const Json& entry, const std::string& place) {
  TEPUI_TRY(const Json* field, field_of(entry, "dtype", place));
  std::optional<DType> dtype;
  if (field->is_string()) dtype = dtype_from(field->get_ref<const std::string&>());
  if (!dtype) {
    return fail(field->is_string() ? ErrorKind::unsupported : ErrorKind::data,
                "{}: expected dtype F64, F32, F16, BF16, I64, I32, U32, U8 or BOOL, found {}",
                place, shown(*field));
  }
  return *dtype;
}

Result<Shape> read_shape(const Json& entry, const std::string& place) {
  TEPUI_TRY(const Json* field, field_of(entry, "shape", place));
  const auto is_size = [](const Json& size) {
    return size.is_number_unsigned() &&
           size.get<std::uint64_t>() <=
               static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  };
  if (!field->is_array() || !std::all_of(field->begin(), field->end(), is_size)) {
    return fail(ErrorKind::data, "{}: expected a shape as a list of sizes, found {}", place,
                shown(*field));
  }
  if (field->size() > static_cast<std::size_t>(Shape::kMaxRank)) {
    return fail(ErrorKind::unsupported, "{}: expected a shape of rank {} at most, found {}", place,
                Shape::kMaxRank, shown(*field));
  }
  std::vector<std::int64_t> sizes;
  for (const Json& size : *field) sizes.push_back(size.get<std::int64_t>());
  return Shape(std::span<const std::int64_t>(sizes));
}

// Nothing if the product does not fit, in whichever order it is taken.
std::optional<std::uint64_t> checked_bytes(const TensorType& type) {
  std::int64_t bytes = static_cast<std::int64_t>(dtype_bytes(type.dtype));
  for (int axis = 0; axis < type.shape.rank(); ++axis) {
    if (__builtin_mul_overflow(bytes, type.shape[axis], &bytes)) return std::nullopt;
  }
  return static_cast<std::uint64_t>(bytes);
}

struct Range {
  std::uint64_t begin = 0;  // within the data
  std::uint64_t end = 0;
};

Result<Range> read_range(const Json& entry, const std::string& place) {
  TEPUI_TRY(const Json* field, field_of(entry, "data_offsets", place));
  const auto is_offset = [](const Json& offset) { return offset.is_number_unsigned(); };
  if (!field->is_array() || field->size() != 2 ||
      !std::all_of(field->begin(), field->end(), is_offset)) {
    return fail(ErrorKind::data, "{}: expected data_offsets as [begin, end], found {}", place,
                shown(*field));
  }
  return Range{(*field)[0].get<std::uint64_t>(), (*field)[1].get<std::uint64_t>()};
}

// The data of one file while its entries are read.
struct Data {
  std::string file;
  std::uint64_t start = 0;  // within the file
  std::span<const std::byte> bytes;
};

Result<TensorRef> read_entry(const Data& data, const std::string& name, const Json& entry) {
  const std::string place = place_of(data.file, name);
  if (!entry.is_object())
    return fail(ErrorKind::data, "{}: expected an object, found {}", place, shown(entry));
  TensorType type;
  TEPUI_TRY(type.dtype, read_dtype(entry, place));
  TEPUI_TRY(type.shape, read_shape(entry, place));
  TEPUI_TRY(const Range range, read_range(entry, place));
  if (range.begin > range.end || range.end > data.bytes.size()) {
    return fail(ErrorKind::data,
                "{}: expected data_offsets within the {} bytes of data, which begin at byte offset "
                "{} of the file, found [{}, {}]{}",
                place, data.bytes.size(), data.start, range.begin, range.end,
                range.begin <= range.end ? "; is the file complete?" : "");
  }
  const auto expected = checked_bytes(type);
  if (!expected) {
    return fail(ErrorKind::data, "{}: expected a size below 2^63 bytes, found {}", place,
                type.to_string());
  }
  if (range.end - range.begin != *expected) {
    return fail(ErrorKind::data,
                "{}: expected {} bytes for {} at byte offset {}, found data_offsets [{}, {}]",
                place, *expected, type.to_string(), data.start + range.begin, range.begin,
                range.end);
  }
  return TensorRef{name, type,
                   data.bytes.subspan(static_cast<std::size_t>(range.begin),
                                      static_cast<std::size_t>(*expected)),
                   data.file, data.start + range.begin};
}

// The format wants every byte of the data in exactly one tensor.
Status check_tiling(const Data& data, const std::vector<TensorRef>& tensors) {
  std::vector<const TensorRef*> order;
  for (const TensorRef& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const TensorRef* x, const TensorRef* y) {
    return std::pair(x->offset, x->bytes.size()) < std::pair(y->offset, y->bytes.size());
  });
  std::uint64_t next = data.start;
  std::string before = "the header";
  for (const TensorRef* tensor : order) {
    if (tensor->offset != next) {
      return fail(ErrorKind::data,
                  "{}: expected to begin at byte offset {}, where {} ends, found {}",
                  place_of(data.file, tensor->name), next, before, tensor->offset);
    }
    next += tensor->bytes.size();
    before = "tensor " + printable(tensor->name);
  }
  if (next != data.start + data.bytes.size()) {
    return fail(
        ErrorKind::data,
        "{}: expected the file to end at byte offset {}, where {} ends, found {} bytes more",
        data.file, next, before, data.start + data.bytes.size() - next);
  }
  return {};
}

}  // namespace

Result<std::vector<TensorRef>> read_safetensors(const MappedFile& file) {
  const auto bytes = file.bytes();
  Data data{.file = file.path().string(), .start = 0, .bytes = {}};
  if (bytes.size() < kLengthBytes) {
    return fail(ErrorKind::data, "{}: expected 8 bytes of header length at byte offset 0, found {}",
                data.file, bytes.size());
  }
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  const std::uint64_t most = std::min<std::uint64_t>(kLongestHeader, bytes.size() - kLengthBytes);
  if (length > most) {
    return fail(ErrorKind::data,
                "{}: expected a header length of {} at most at byte offset 0 (the file has {} "
                "bytes), found {}",
                data.file, most, bytes.size(), length);
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes,
                              static_cast<std::size_t>(length));
  TEPUI_TRY(const Json header, parse_strict_json(text, data.file + ": header", kLengthBytes));
  if (!header.is_object()) {
    return fail(ErrorKind::data, "{}: header: expected an object at byte offset 8, found {}",
                data.file, shown(header));
  }
  data.start = kLengthBytes + length;
  data.bytes = bytes.subspan(static_cast<std::size_t>(data.start));
  std::vector<TensorRef> tensors;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    TEPUI_TRY(TensorRef tensor, read_entry(data, name, entry));
    tensors.push_back(std::move(tensor));
  }
  TEPUI_TRY(check_tiling(data, tensors));
  return tensors;
}

}  // namespace tepui

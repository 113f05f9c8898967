// SPDX-License-Identifier: MIT
#include "gguf/metadata.h"

#include <cstring>
#include <limits>

#include "base/utf8_text.h"
#include "gguf/value_type.h"

namespace tepui {
namespace {

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

// The integer at `from`; nothing for other types and for what an int64 cannot hold.
std::optional<std::int64_t> integer_at(GgufType type, const std::byte* from) {
  switch (type) {
    case GgufType::u8: return load<std::uint8_t>(from);
    case GgufType::i8: return load<std::int8_t>(from);
    case GgufType::u16: return load<std::uint16_t>(from);
    case GgufType::i16: return load<std::int16_t>(from);
    case GgufType::u32: return load<std::uint32_t>(from);
    case GgufType::i32: return load<std::int32_t>(from);
    case GgufType::i64: return load<std::int64_t>(from);
    case GgufType::u64: {
      const auto value = load<std::uint64_t>(from);
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return {};
      return static_cast<std::int64_t>(value);
    }
    default: return std::nullopt;
  }
}

std::optional<double> number_at(GgufType type, const std::byte* from) {
  if (type == GgufType::f32) return static_cast<double>(load<float>(from));
  if (type == GgufType::f64) return load<double>(from);
  const auto integer = integer_at(type, from);
  return integer ? std::optional(static_cast<double>(*integer)) : std::nullopt;
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

tl::unexpected<Error> GgufMetadata::wrong(std::string_view key, std::string_view wanted) const {
  return fail(ErrorKind::data, "{}: key \"{}\": expected {}, found {}", file_, key, wanted,
              shown(key));
}

Result<const GgufValue*> GgufMetadata::value(std::string_view key, bool array,
                                             std::string_view wanted) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return nullptr;
  if (found->second.is_array != array) return wrong(key, wanted);
  return &found->second;
}

Result<std::optional<std::int64_t>> GgufMetadata::integer(std::string_view key) const {
  TEPUI_TRY(const GgufValue* found, value(key, false, "a whole number"));
  if (found == nullptr) return std::nullopt;
  const auto integer = integer_at(found->type, found->bytes.data());
  if (!integer) return wrong(key, "a whole number");
  return integer;
}

Result<std::optional<double>> GgufMetadata::number(std::string_view key) const {
  TEPUI_TRY(const GgufValue* found, value(key, false, "a number"));
  if (found == nullptr) return std::nullopt;
  const auto number = number_at(found->type, found->bytes.data());
  if (!number) return wrong(key, "a number");
  return number;
}

Result<std::optional<bool>> GgufMetadata::boolean(std::string_view key) const {
  TEPUI_TRY(const GgufValue* found, value(key, false, "true or false"));
  if (found == nullptr) return std::nullopt;
  if (found->type != GgufType::boolean) return wrong(key, "true or false");
  return load<std::uint8_t>(found->bytes.data()) != 0;
}

Result<std::optional<std::string>> GgufMetadata::text(std::string_view key) const {
  TEPUI_TRY(const GgufValue* found, value(key, false, "a string"));
  if (found == nullptr) return std::nullopt;
  if (found->type != GgufType::string) return wrong(key, "a string");
  return std::string(text_of(found->bytes));
}

Result<std::vector<std::string_view>> GgufMetadata::texts(std::string_view key) const {
  TEPUI_TRY(const GgufValue* found, value(key, true, "a list of strings"));
  if (found == nullptr) return std::vector<std::string_view>();
  if (found->type != GgufType::string) return wrong(key, "a list of strings");
  std::vector<std::string_view> all;
  all.reserve(static_cast<std::size_t>(found->count));
  std::size_t at = 0;
  for (std::uint64_t i = 0; i < found->count; ++i) {
    const auto length = static_cast<std::size_t>(load<std::uint64_t>(found->bytes.data() + at));
    at += sizeof(std::uint64_t);
    all.push_back(text_of(found->bytes.subspan(at, length)));
    at += length;
  }
  return all;
}

Result<std::vector<double>> GgufMetadata::numbers(std::string_view key) const {
  TEPUI_TRY(const GgufValue* found, value(key, true, "a list of numbers"));
  if (found == nullptr) return std::vector<double>();
  std::vector<double> all;
  for (std::uint64_t i = 0; i < found->count; ++i) {
    const auto number = number_at(found->type, found->bytes.data() + i * value_bytes(found->type));
    if (!number) return wrong(key, "a list of numbers");
    all.push_back(*number);
  }
  return all;
}

Result<std::vector<std::int64_t>> GgufMetadata::integers(std::string_view key) const {
  TEPUI_TRY(const GgufValue* found, value(key, true, "a list of whole numbers"));
  if (found == nullptr) return std::vector<std::int64_t>();
  std::vector<std::int64_t> all;
  for (std::uint64_t i = 0; i < found->count; ++i) {
    const auto integer =
        integer_at(found->type, found->bytes.data() + i * value_bytes(found->type));
    if (!integer) return wrong(key, "a list of whole numbers");
    all.push_back(*integer);
  }
  return all;
}

std::string GgufMetadata::shown(std::string_view key) const {
  const auto at = values_.find(key);
  if (at == values_.end()) return "none";
  const GgufValue& found = at->second;
  if (found.is_array) return fmt::format("a list of {} {}s", found.count, type_name(found.type));
  if (found.type == GgufType::string)
    return fmt::format("the string \"{}\"", printable(text_of(found.bytes)));
  if (found.type == GgufType::boolean)
    return load<std::uint8_t>(found.bytes.data()) != 0 ? "true" : "false";
  const auto number = number_at(found.type, found.bytes.data());
  return number ? fmt::format("{}", *number) : "a number beyond 2^63";
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "input/protobuf.h"

namespace tepui::input {
namespace {

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return value;
}

}  // namespace

Result<std::uint64_t> ProtoReader::varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    TEPUI_TRY(const std::string_view byte, take(1));
    const auto bits = static_cast<unsigned char>(byte[0]);
    value |= static_cast<std::uint64_t>(bits & 0x7f) << shift;
    if (bits < 0x80) return value;
  }
  return fail(ErrorKind::data, "{}: offset {}: expected a varint of at most 10 bytes", file_,
              base_ + at_);
}

Result<std::string_view> ProtoReader::take(std::uint64_t size) {
  if (size > message_.size() - at_)
    return fail(ErrorKind::data, "{}: offset {}: expected {} bytes, found {} (truncated?)", file_,
                base_ + at_, size, message_.size() - at_);
  const std::string_view bytes = message_.substr(at_, static_cast<std::size_t>(size));
  at_ += bytes.size();
  return bytes;
}

Result<ProtoField> ProtoReader::next() {
  const std::size_t begin = base_ + at_;
  TEPUI_TRY(const std::uint64_t tag, varint());
  ProtoField field;
  field.number = tag >> 3;
  field.wire = static_cast<ProtoField::Wire>(tag & 7);
  switch (field.wire) {
    case ProtoField::Wire::varint: {
      TEPUI_TRY(field.value, varint());
      return field;
    }
    case ProtoField::Wire::fixed64:
    case ProtoField::Wire::fixed32: {
      TEPUI_TRY(const auto bytes, take(field.wire == ProtoField::Wire::fixed64 ? 8 : 4));
      field.value = little_endian(bytes);
      return field;
    }
    case ProtoField::Wire::bytes: {
      TEPUI_TRY(const std::uint64_t size, varint());
      TEPUI_TRY(field.bytes, take(size));
      return field;
    }
  }
  return fail(ErrorKind::data, "{}: offset {}: expected a protobuf field, found wire type {}",
              file_, begin, tag & 7);
}

Status ProtoReader::expect(const ProtoField& field, ProtoField::Wire wire,
                           std::string_view name) const {
  if (field.wire == wire) return {};
  return fail(ErrorKind::data, "{}: offset {}: field '{}' has wire type {}, expected {}", file_,
              base_ + at_, name, static_cast<int>(field.wire), static_cast<int>(wire));
}

}  // namespace tepui::input

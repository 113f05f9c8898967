// SPDX-License-Identifier: MIT
// Just enough of the protocol-buffer wire format to read a message field by field, every length
// checked against what is left.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "tepui/result.h"

namespace tepui::input {

struct ProtoField {
  std::uint64_t number = 0;
  enum class Wire { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 } wire = Wire::varint;
  std::uint64_t value = 0;  // of the numeric wire types
  std::string_view bytes;   // of Wire::bytes

  bool truth() const { return value != 0; }
  std::int32_t int32() const { return static_cast<std::int32_t>(value); }
  float f32() const { return std::bit_cast<float>(static_cast<std::uint32_t>(value)); }
};

class ProtoReader {
 public:
  // `base` is where the message stands in `file`: errors name offsets of the file.
  ProtoReader(std::string_view message, std::size_t base, std::string file)
      : message_(message), base_(base), file_(std::move(file)) {}

  bool done() const { return at_ >= message_.size(); }
  Result<ProtoField> next();
  // A reader of the message inside a field that this reader gave.
  ProtoReader inside(const ProtoField& field) const {
    return {field.bytes, base_ + static_cast<std::size_t>(field.bytes.data() - message_.data()),
            file_};
  }
  // An error if the field is not of this wire type.
  Status expect(const ProtoField& field, ProtoField::Wire wire, std::string_view name) const;

 private:
  Result<std::uint64_t> varint();
  Result<std::string_view> take(std::uint64_t size);

  std::string_view message_;
  std::size_t base_ = 0;
  std::string file_;
  std::size_t at_ = 0;
};

}  // namespace tepui::input

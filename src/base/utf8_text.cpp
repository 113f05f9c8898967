// SPDX-License-Identifier: MIT
#include "base/utf8_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace tepui {

CodePoint decode_utf8(std::string_view text, std::size_t at) {
  if (at >= text.size()) return {};
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() - at < length) return {};
  char32_t value = lead & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    value = (value << 6) | (byte(i) & 0x3fU);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kSmallest[length] || surrogate || value > 0x10ffff) return {};
  return {value, length};
}

namespace {

std::string rewrite(std::string_view bytes, bool double_backslash) {
  std::string text;
  text.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const auto length = decode_utf8(bytes, at).length;
    if (length == 0) {
      text += fmt::format("\\x{:02X}", static_cast<unsigned char>(bytes[at]));
    } else {
      text += bytes.substr(at, length);
      if (double_backslash && bytes[at] == '\\') text += '\\';
    }
    at += std::max<std::size_t>(length, 1);
  }
  return text;
}

}  // namespace

std::string valid_utf8(std::string_view bytes) { return rewrite(bytes, false); }

std::string escape_bytes(std::string_view bytes) { return rewrite(bytes, true); }

std::string printable(std::string_view name) {
  constexpr std::size_t kLongest = 200;
  std::string text;
  for (const char character : valid_utf8(name.substr(0, kLongest))) {
    const auto code = static_cast<unsigned char>(character);
    if (code < 0x20 || code == 0x7f) {
      text += fmt::format("\\x{:02x}", code);
    } else {
      text += character;
    }
  }
  if (name.size() > kLongest) text += "...";
  return text;
}

}  // namespace tepui

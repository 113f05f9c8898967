// SPDX-License-Identifier: MIT
#include "store/utf8_text.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>

namespace tepui {

CodePoint decode_utf8(std::string_view text, std::size_t at) {
  const std::size_t left = std::min<std::size_t>(text.size() - at, 4);
  utf8proc_int32_t value = -1;
  const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at),
                                       static_cast<utf8proc_ssize_t>(left), &value);
  if (length <= 0 || value < 0) return {};
  return {static_cast<char32_t>(value), static_cast<std::size_t>(length)};
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

}  // namespace tepui

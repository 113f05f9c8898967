// SPDX-License-Identifier: MIT
#include "input/byte_level.h"

#include "input/utf8.h"

namespace tepui::input {

ByteLevelMap::ByteLevelMap() {
  byte_of_.fill(-1);
  char32_t next = 256;  // bytes without a printable Latin-1 character get the next free one
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) ||
                           (byte >= 0xae && byte <= 0xff);
    const char32_t character = printable ? byte : next++;
    append_utf8(spelled_[byte], character);
    byte_of_[character] = static_cast<int>(byte);
  }
}

void ByteLevelMap::append_spelled(std::string_view bytes, std::string& out) const {
  for (const char c : bytes) out += spelled_[static_cast<unsigned char>(c)];
}

std::optional<std::string> ByteLevelMap::bytes(std::string_view spelled) const {
  std::string out;
  for (std::size_t at = 0; at < spelled.size();) {
    const CodePoint point = decode_utf8(spelled, at);
    if (point.length == 0 || point.value >= byte_of_.size() || byte_of_[point.value] < 0)
      return std::nullopt;
    out.push_back(static_cast<char>(byte_of_[point.value]));
    at += point.length;
  }
  return out;
}

}  // namespace tepui::input

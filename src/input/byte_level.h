// SPDX-License-Identifier: MIT
// The spelling of byte-level vocabularies: GPT-2's reversible map of the 256 bytes to printable
// characters ("Ġ" is a space, "Ċ" a line feed), and the regex that GPT-2 cuts words by.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace tepui::input {

inline constexpr std::string_view kGpt2Regex =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

class ByteLevelMap {
 public:
  ByteLevelMap();

  void append_spelled(std::string_view bytes, std::string& out) const;
  // The bytes of a token's spelling; nothing if it holds a character that stands for no byte.
  std::optional<std::string> bytes(std::string_view spelled) const;

 private:
  std::array<std::string, 256> spelled_;
  std::array<int, 0x144> byte_of_{};  // by code point, -1 where none
};

}  // namespace tepui::input

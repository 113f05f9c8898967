// SPDX-License-Identifier: MIT
// UTF-8 and the few character classes that tokenizers ask for. Everything after check_utf8 may
// assume valid text.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/utf8_text.h"
#include "tepui/result.h"

namespace tepui::input {

void append_utf8(std::string& text, char32_t value);

// Bytes of the sequence that begins with this byte of valid text.
inline std::size_t sequence_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

std::optional<std::size_t> first_invalid_utf8(std::string_view text);
bool is_ascii(std::string_view text);
Status check_utf8(std::string_view text);  // the error names the byte offset

// Text of a file as an error message may quote it: one line, valid UTF-8, cut if it is long.
std::string quotable(std::string_view text);

bool is_white_space(char32_t value);  // Unicode White_Space
bool is_numeric(char32_t value);      // Nd, Nl, No
bool is_punctuation(char32_t value);  // P*, and all of ASCII's
bool is_word(char32_t value);         // Alphabetic, M, Nd, Pc, Join_Control: UTS 18's \w

}  // namespace tepui::input

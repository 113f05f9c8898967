// SPDX-License-Identifier: MIT
// Strict decoding of UTF-8, and bytes as valid UTF-8 without losing any: a token may be one byte of
// a character, or no text at all. What is shown to people and written to files goes through here.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tepui {

struct CodePoint {
  char32_t value = 0;
  std::size_t length = 0;  // bytes; 0: no valid sequence begins here
};

// The code point that begins at text[at]. Overlong forms, surrogates and cut sequences are invalid.
CodePoint decode_utf8(std::string_view text, std::size_t at);

// The same text where every byte outside a valid sequence stands as \xHH. Text that is valid comes
// back as it is.
std::string valid_utf8(std::string_view bytes);

// As valid_utf8, and a backslash becomes two, so that the bytes can be had back exactly.
std::string escape_bytes(std::string_view bytes);

// A name from a file as it may stand in a one-line message: control characters and bytes that are
// no text escaped, cut where very long.
std::string printable(std::string_view name);

}  // namespace tepui

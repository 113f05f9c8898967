// SPDX-License-Identifier: MIT
// Where each token stands in its text, found afterwards: the bytes that the tokens stand for are
// laid beside the text's. They differ where a normalizer worked (a composed character, white space
// trimmed, a space put in front); such places are bridged by normalizing the text's characters in
// the same way. What cannot be bridged has no offsets, which is rare and no error.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "input/tokenizer.h"

namespace tepui {

struct TokenRange {
  std::size_t begin = 0;  // bytes of the text
  std::size_t end = 0;    // equal to begin for a token that holds nothing but an added space
};

// One for each id of tokenizer.encode(text).
std::vector<std::optional<TokenRange>> token_offsets(const Tokenizer& tokenizer,
                                                     std::string_view text,
                                                     std::span<const TokenId> ids);

}  // namespace tepui

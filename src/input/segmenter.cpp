// SPDX-License-Identifier: MIT
#include "input/segmenter.h"

#include "input/utf8.h"

namespace tepui::input {
namespace {

std::uint64_t pair_key(char32_t left, char32_t right) {
  return (static_cast<std::uint64_t>(left) << 32) | right;
}

}  // namespace

void Segmenter::add_token(std::string_view token) {
  if (first_invalid_utf8(token)) return;
  for (std::size_t at = 0; at < token.size();) {
    const CodePoint left = decode_utf8(token, at);
    at += left.length;
    if (at == token.size()) break;
    const char32_t right = decode_utf8(token, at).value;
    if (left.value < 128 && right < 128)
      ascii_.set(left.value * 128 + right);
    else
      others_.insert(pair_key(left.value, right));
  }
}

bool Segmenter::joined(char32_t left, char32_t right) const {
  if (left < 128 && right < 128) return ascii_.test(left * 128 + right);
  return others_.contains(pair_key(left, right));
}

std::size_t Segmenter::segment_end(std::string_view text, std::size_t begin) const {
  CodePoint left = decode_utf8(text, begin);
  std::size_t at = begin + left.length;
  while (at < text.size()) {
    const CodePoint right = decode_utf8(text, at);
    if (!joined(left.value, right.value)) break;
    left = right;
    at += right.length;
  }
  return at;
}

}  // namespace tepui::input

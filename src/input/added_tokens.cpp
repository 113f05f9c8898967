// SPDX-License-Identifier: MIT
#include "input/added_tokens.h"

#include <algorithm>
#include <utility>

#include "input/utf8.h"

namespace tepui::input {
namespace {

// The code point that ends right before `at` (> 0) of valid text.
CodePoint before(std::string_view text, std::size_t at) {
  std::size_t begin = at - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80) --begin;
  return decode_utf8(text, begin);
}

bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  const bool left = begin > 0 && is_word(before(text, begin).value);
  const bool right = end < text.size() && is_word(decode_utf8(text, end).value);
  return !left && !right;
}

std::size_t strip_left(std::string_view text, std::size_t begin) {
  while (begin > 0) {
    const CodePoint point = before(text, begin);
    if (!is_white_space(point.value)) break;
    begin -= point.length;
  }
  return begin;
}

std::size_t strip_right(std::string_view text, std::size_t end) {
  while (end < text.size()) {
    const CodePoint point = decode_utf8(text, end);
    if (!is_white_space(point.value)) break;
    end += point.length;
  }
  return end;
}

}  // namespace

AddedTokenFinder::AddedTokenFinder() : nodes_(1) {}

void AddedTokenFinder::add(std::string_view pattern, AddedToken token) {
  if (pattern.empty()) return;
  std::size_t node = 0;
  for (const char c : pattern) {
    const auto byte = static_cast<unsigned char>(c);
    const auto [edge, fresh] = nodes_[node].next.try_emplace(byte, nodes_.size());
    node = edge->second;
    if (fresh) nodes_.emplace_back();
  }
  nodes_[node].token = static_cast<int>(tokens_.size());
  opens_[static_cast<unsigned char>(pattern[0])] = true;
  tokens_.push_back(std::move(token));
}

std::size_t AddedTokenFinder::longest_length(std::string_view text, std::size_t at) const {
  return opens_[static_cast<unsigned char>(text[at])] ? longest_at(text, at).length : 0;
}

AddedTokenFinder::Found AddedTokenFinder::longest_at(std::string_view text, std::size_t at) const {
  Found found;
  std::size_t node = 0;
  for (std::size_t i = at; i < text.size(); ++i) {
    const auto edge = nodes_[node].next.find(static_cast<unsigned char>(text[i]));
    if (edge == nodes_[node].next.end()) break;
    node = edge->second;
    if (nodes_[node].token >= 0) found = {i + 1 - at, nodes_[node].token};
  }
  return found;
}

std::vector<AddedTokenFinder::Part> AddedTokenFinder::split(std::string_view text) const {
  std::vector<Part> parts;
  std::size_t done = 0;  // everything before it is in `parts`
  for (std::size_t at = 0; at < text.size() && !tokens_.empty();) {
    const Found found =
        opens_[static_cast<unsigned char>(text[at])] ? longest_at(text, at) : Found{};
    if (found.token < 0 || at < done) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<std::size_t>(found.token)];
    std::size_t begin = at;
    std::size_t end = at + found.length;
    at = end;
    if (token.single_word && !stands_alone(text, begin, end)) continue;
    if (token.lstrip) begin = std::max(strip_left(text, begin), done);
    if (token.rstrip) end = strip_right(text, end);
    if (begin > done) parts.push_back({done, begin, -1});
    parts.push_back({begin, end, token.id});
    done = end;
  }
  if (done < text.size()) parts.push_back({done, text.size(), -1});
  return parts;
}

}  // namespace tepui::input

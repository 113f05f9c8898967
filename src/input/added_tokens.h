// SPDX-License-Identifier: MIT
// Added and special tokens that stand literally in a text are cut out before anything else happens
// to it (or, if `normalized`, right after the normalizer). The leftmost match wins, the longest of
// those that begin at one place.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "input/tokenizer.h"

namespace tepui::input {

struct AddedToken {
  TokenId id = -1;
  std::string content;
  bool single_word = false;  // only between characters that belong to no word
  bool lstrip = false;       // takes the white space on its left with it
  bool rstrip = false;
  bool normalized = false;
  bool special = false;
};

class AddedTokenFinder {
 public:
  struct Part {
    std::size_t begin = 0;
    std::size_t end = 0;
    TokenId id = -1;  // -1: ordinary text
  };

  AddedTokenFinder();
  // `pattern` is the content, or what the normalizer makes of it. Empty patterns never match.
  void add(std::string_view pattern, AddedToken token);
  bool empty() const { return tokens_.empty(); }

  // The length of the longest pattern that begins at `at`; 0 if none does.
  std::size_t longest_length(std::string_view text, std::size_t at) const;

  // The text as parts in order; none is empty.
  std::vector<Part> split(std::string_view text) const;

 private:
  struct Node {
    std::map<unsigned char, std::size_t> next;
    int token = -1;
  };
  struct Found {
    std::size_t length = 0;
    int token = -1;
  };
  Found longest_at(std::string_view text, std::size_t at) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_;
  std::array<bool, 256> opens_{};  // bytes that begin a pattern
};

}  // namespace tepui::input

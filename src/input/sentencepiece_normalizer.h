// SPDX-License-Identifier: MIT
// SentencePiece's normalizer: the model's own character map (a double-array trie in the file),
// white space trimmed or kept, a dummy space in front, spaces written as U+2581.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "input/sentencepiece_model.h"

namespace tepui::input {

// The precompiled_charsmap: byte sequences and what becomes of them.
class CharsMap {
 public:
  struct Hit {
    std::size_t length = 0;  // of the longest sequence that begins here; 0: none
    std::string_view replacement;
  };

  static Result<CharsMap> create(std::string_view blob, const std::string& file);
  Hit longest(std::string_view text) const;

 private:
  std::vector<std::uint32_t> units_;
  std::string replacements_;  // each ends with a zero byte
};

class SentencePieceNormalizer {
 public:
  // Gives the length of the user-defined piece at a place of the text, which is left as it is.
  using UserDefined = std::function<std::size_t(std::string_view text, std::size_t at)>;

  static Result<SentencePieceNormalizer> create(const SentencePieceModel& model,
                                                const std::string& file);

  std::string apply(std::string_view text, const UserDefined& user_defined) const;

 private:
  CharsMap map_;
  bool has_map_ = false;
  bool add_dummy_prefix_ = true;
  bool remove_extra_whitespaces_ = true;
  std::string space_;  // what a space is written as
};

}  // namespace tepui::input

// SPDX-License-Identifier: MIT
// BPE by score, as SentencePiece and llama2.c do it: any two neighbours whose texts together are a
// piece may merge, the highest score first. Works on normalized text; characters without a piece
// become bytes or the unknown token.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "input/added_tokens.h"
#include "input/bpe_merge.h"
#include "input/segmenter.h"
#include "input/vocabulary.h"

namespace tepui::input {

struct ScorePiece {
  std::string text;
  float score = 0;
  bool mergeable = true;      // may come out of a merge or stand for a character
  bool unused = false;        // may come out of a merge, but is taken apart again at the end
  bool user_defined = false;  // found first, whole, and never merged
};

struct ScoreVocabulary {
  std::vector<ScorePiece> pieces;  // by id; texts of mergeable pieces are distinct
  TokenId unk = -1;
  bool byte_fallback = false;
  std::array<TokenId, 256> byte_ids{};
};

class ScoreBpe {
 public:
  explicit ScoreBpe(const ScoreVocabulary& vocabulary);

  // Appends the ids of a valid UTF-8 text.
  Status encode(std::string_view text, std::vector<TokenId>& ids) const;
  // The length of the longest user-defined piece that begins here; 0 if there is none.
  std::size_t user_defined_at(std::string_view text, std::size_t at) const;

 private:
  struct Entry {
    TokenId id = -1;
    float score = 0;
    bool unused = false;
  };
  using Halves = std::unordered_map<std::string_view, std::size_t>;  // where an unused piece split

  Status encode_segment(std::string_view segment, MergeScratch& scratch,
                        std::vector<TokenId>& ids) const;
  void add_symbols(std::string_view segment, MergeScratch& scratch) const;
  void append(std::string_view piece, const Halves& halves, std::vector<TokenId>& ids) const;

  std::unordered_map<std::string, Entry, StringHash, std::equal_to<>> entries_;
  AddedTokenFinder user_defined_;
  Segmenter segmenter_;
  TokenId unk_ = -1;
  bool byte_fallback_ = false;
  std::array<TokenId, 256> byte_ids_{};
};

}  // namespace tepui::input

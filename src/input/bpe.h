// SPDX-License-Identifier: MIT
// The BPE model of a tokenizer.json (and of GPT-2's vocab.json + merges.txt): a list of merges by
// rank over the characters of a word, with byte fallback, unknown tokens and ignore_merges as the
// container sets them. Knows nothing of normalizers and pre-tokenizers.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "input/bpe_merge.h"
#include "input/fingerprint.h"
#include "input/segmenter.h"
#include "input/vocabulary.h"

namespace tepui::input {

struct BpeDescription {
  PieceIds vocabulary;
  std::vector<std::pair<std::string, std::string>> merges;  // by rank
  std::optional<std::string> unk_token;
  bool byte_fallback = false;
  bool fuse_unk = false;
  bool ignore_merges = false;
};

class Bpe {
 public:
  // What encode() reuses between the words of one text.
  struct State {
    MergeScratch scratch;
    SegmentCache cache;
  };

  // `where` opens error messages: the file that holds the merges.
  static Result<Bpe> create(BpeDescription description, const std::string& where);

  // Appends the ids of one word (valid UTF-8).
  Status encode(std::string_view word, State& state, std::vector<TokenId>& ids) const;

  const PieceIds& vocabulary() const { return description_.vocabulary; }
  bool byte_fallback() const { return description_.byte_fallback; }
  const Fingerprint& rules() const { return rules_; }  // of all but the vocabulary

 private:
  Status add_merges(const std::string& where);
  Status encode_word(std::string_view word, MergeScratch& scratch, std::vector<TokenId>& ids) const;
  Status add_symbols(std::string_view word, MergeScratch& scratch) const;
  std::optional<TokenId> find(std::string_view piece) const;

  BpeDescription description_;
  std::unordered_map<std::uint64_t, Merge> merges_;  // by the pair of ids
  std::array<TokenId, 256> byte_ids_{};              // -1 where the vocabulary has none
  std::optional<TokenId> unk_;
  Fingerprint rules_;
  std::optional<Segmenter> segmenter_;  // only where every character has a token
};

}  // namespace tepui::input

// SPDX-License-Identifier: MIT
// Ids and spellings: what every tokenizer knows besides how to cut a text. VocabularyTokenizer
// answers all of Tokenizer's questions from these facts; each container adds only encode().
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "input/tokenizer.h"

namespace tepui::input {

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};
using PieceIds = std::unordered_map<std::string, TokenId, StringHash, std::equal_to<>>;

struct SpecialIds {
  std::optional<TokenId> bos;
  std::optional<TokenId> eos;
  bool adds_bos = false;
};

struct TokenizerFacts {
  std::vector<std::string> pieces;  // by id: the vocabulary's spelling
  std::vector<std::string> bytes;   // by id: what the token stands for in running text
  SpecialIds specials;
  std::string kind;
  std::string fingerprint;
};

class VocabularyTokenizer : public Tokenizer {
 public:
  explicit VocabularyTokenizer(TokenizerFacts facts) : facts_(std::move(facts)) {}

  int vocabulary_size() const override { return static_cast<int>(facts_.pieces.size()); }
  std::string piece(TokenId id) const override { return entry(facts_.pieces, id); }
  std::string piece_bytes(TokenId id) const override { return entry(facts_.bytes, id); }
  std::optional<TokenId> bos() const override { return facts_.specials.bos; }
  std::optional<TokenId> eos() const override { return facts_.specials.eos; }
  bool adds_bos() const override { return facts_.specials.adds_bos; }
  std::string kind() const override { return facts_.kind; }
  std::string fingerprint() const override { return facts_.fingerprint; }

 private:
  static std::string entry(const std::vector<std::string>& table, TokenId id) {
    const auto index = static_cast<std::size_t>(id);
    return id < 0 || index >= table.size() ? std::string() : table[index];
  }

  TokenizerFacts facts_;
};

// "<0x0A>", the name of a byte's token in vocabularies with byte fallback.
std::string byte_token_name(unsigned char byte);
// The byte that such a name stands for; nothing for any other spelling.
std::optional<char> byte_of_token_name(std::string_view name);
// All occurrences of `from` (not empty) become `to`.
std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

}  // namespace tepui::input

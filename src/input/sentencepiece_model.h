// SPDX-License-Identifier: MIT
// A SentencePiece `tokenizer.model` as data: the ModelProto's pieces and the fields of its trainer
// and normalizer that decide what a text becomes. Reading checks everything that the encoder
// relies on.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "input/vocabulary.h"

namespace tepui::input {

struct SentencePiece {
  enum class Type { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };
  std::string text;
  float score = 0;
  Type type = Type::normal;
};

struct SentencePieceModel {
  std::vector<SentencePiece> pieces;
  bool byte_fallback = false;
  std::array<TokenId, 256> byte_ids{};  // set if byte_fallback
  TokenId unk = -1;
  std::string bos_piece = "<s>";
  std::string eos_piece = "</s>";

  std::string normalizer_name;
  std::string charsmap;  // precompiled; empty: characters stay as they are
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

Result<SentencePieceModel> parse_sentencepiece_model(std::string_view bytes,
                                                     const std::string& file);

// What the encoder relies on: one unknown piece, distinct spellings, all bytes if byte_fallback.
// Fills unk and byte_ids.
Status check_sentencepiece_model(const std::string& file, SentencePieceModel& model);

}  // namespace tepui::input

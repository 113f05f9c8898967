// SPDX-License-Identifier: MIT
// Text to token ids and back, for every container a model folder brings. One Tokenizer holds one
// vocabulary; it is immutable after loading and may be used from several threads. Byte-exact: the
// pieces of encode(text) without special tokens give the text's bytes back through piece_bytes (up
// to a prefix space that the tokenizer itself adds).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tepui/result.h"

namespace tepui {

using TokenId = std::int32_t;

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Ids of a text, without BOS, EOS or any other token that the text does not hold. A text that is
  // not valid UTF-8 is an error that names the byte offset. Added and special tokens that stand
  // literally in the text are recognised where the container says so (tokenizer.json's
  // added_tokens); a bare SentencePiece model never does.
  virtual Result<std::vector<TokenId>> encode(std::string_view text) const = 0;

  virtual int vocabulary_size() const = 0;

  // The vocabulary's own spelling of a token ("▁The", "<0x0A>", "Ġthe"); empty for an id outside
  // the vocabulary.
  virtual std::string piece(TokenId id) const = 0;

  // The bytes that the token stands for in running text (" The", "\n", " the"); may be part of a
  // UTF-8 sequence. Special tokens give their spelling.
  virtual std::string piece_bytes(TokenId id) const = 0;

  virtual std::optional<TokenId> bos() const = 0;
  virtual std::optional<TokenId> eos() const = 0;
  // Whether the tokenizer's own rule puts BOS before a text (add_bos_token, the post-processor, or
  // the model's kind).
  virtual bool adds_bos() const = 0;

  // "SentencePiece BPE", "byte-level BPE", ...
  virtual std::string kind() const = 0;
  // A hash (hex) of the vocabulary and of the rules; equal for equal tokenizers, stable between
  // runs and machines.
  virtual std::string fingerprint() const = 0;
};

// Reads the tokenizer of an HF model folder: tokenizer.json, else tokenizer.model, else vocab.json
// + merges.txt, with tokenizer_config.json and special_tokens_map.json where they stand. Or one
// such file itself, a .gguf file (or a folder with a single one), or a llama2.c tokenizer.bin.
// Errors name the file and what was expected.
Result<std::unique_ptr<Tokenizer>> load_tokenizer(const std::filesystem::path& folder_or_file);

}  // namespace tepui

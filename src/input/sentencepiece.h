// SPDX-License-Identifier: MIT
// The tokenizer of a SentencePiece BPE `tokenizer.model`. Gives what the sentencepiece library
// gives: a literal "<s>" in a text is ordinary text.
#pragma once

#include <filesystem>
#include <memory>

#include "input/sentencepiece_model.h"
#include "input/tokenizer_settings.h"

namespace tepui::input {

Result<std::unique_ptr<Tokenizer>> load_sentencepiece(const std::filesystem::path& path,
                                                      const TokenizerSettings& settings);
// The same, from the file's bytes.
Result<std::unique_ptr<Tokenizer>> parse_sentencepiece(std::string_view bytes,
                                                       const std::string& file,
                                                       const TokenizerSettings& settings);

// A model that passed check_sentencepiece_model; `file` opens messages.
Result<std::unique_ptr<Tokenizer>> make_sentencepiece_tokenizer(const SentencePieceModel& model,
                                                                const std::string& file,
                                                                const TokenizerSettings& settings);

}  // namespace tepui::input

// SPDX-License-Identifier: MIT
// Readers of the two BPE containers made of JSON: tokenizer.json (HF tokenizers) and GPT-2's
// vocab.json + merges.txt. Both describe one Pipeline; what is not supported is refused by name.
#pragma once

#include <filesystem>
#include <memory>

#include "input/tokenizer_settings.h"

namespace tepui::input {

Result<std::unique_ptr<Tokenizer>> load_tokenizer_json(const std::filesystem::path& path,
                                                       const TokenizerSettings& settings);
// The same, from the file's text.
Result<std::unique_ptr<Tokenizer>> parse_tokenizer_json(std::string_view text,
                                                        const std::string& where,
                                                        const TokenizerSettings& settings);

Result<std::unique_ptr<Tokenizer>> load_vocab_and_merges(const std::filesystem::path& folder,
                                                         const TokenizerSettings& settings);

}  // namespace tepui::input

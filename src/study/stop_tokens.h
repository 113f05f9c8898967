// SPDX-License-Identifier: MIT
// The tokens that end a text.
#pragma once

#include <filesystem>
#include <vector>

#include "input/tokenizer.h"

namespace tepui {

// eos_token_id (one id or a list) of generation_config.json in the model's folder, else of its
// config.json, else the tokenizer's EOS; ascending, empty where nobody names one. The tokenizer may
// be null.
Result<std::vector<TokenId>> stop_tokens(const std::filesystem::path& model,
                                         const Tokenizer* tokenizer);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// The tokenizer.bin of llama2.c: an int32 (the longest piece), then for each token a float32 score,
// an int32 length and the bytes. Ids 0, 1, 2 are unknown, BOS and EOS, 3 to 258 the bytes.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "input/tokenizer.h"

namespace tepui::input {

Result<std::unique_ptr<Tokenizer>> load_llama2c_tokenizer(const std::filesystem::path& path);
// The same, from the file's bytes.
Result<std::unique_ptr<Tokenizer>> parse_llama2c_tokenizer(std::string_view bytes,
                                                           const std::string& file);

}  // namespace tepui::input

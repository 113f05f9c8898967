// SPDX-License-Identifier: MIT
// The tokenizers of tests/data/tokenizers and the ids that the reference libraries give for them
// (tools/make_tokenizer_golden.py writes both).
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "input/tokenizer.h"
#include "support/paths.h"

namespace tepui::test {

nlohmann::json load_json(const std::filesystem::path& path);
std::string load_bytes(const std::filesystem::path& path);

struct TokenizerCase {
  std::string name;
  std::string tokenizer_json;         // the file's text
  std::vector<std::vector<int>> ids;  // of each text
  bool exact = false;                 // the pieces give the text back byte for byte
  bool adds_bos = false;
};

std::vector<std::string> tokenizer_case_texts();
std::vector<TokenizerCase> tokenizer_cases();
nlohmann::json tokenizer_case_model(const std::string& name);  // "byte" or "character"

// The texts of one of llama.cpp's vector files, which separates them by a line of its own.
std::vector<std::string> vector_texts(const std::filesystem::path& path);

// The pieces of the ids, joined.
std::string decode(const Tokenizer& tokenizer, const std::vector<TokenId>& ids);

}  // namespace tepui::test

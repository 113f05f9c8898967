// SPDX-License-Identifier: MIT
// The kinds of tokenizer.ggml.pre: names that llama.cpp gave to published tokenizers, and what
// those tokenizers do, as the fields of their tokenizer.json.
#pragma once

#include <optional>
#include <string_view>

#include "input/json_file.h"

namespace tepui::input {

struct GgufPreTokenizer {
  Json normalizer;  // null: none
  Json pre_tokenizer;
  bool ignore_merges = false;
  bool adds_bos = false;  // where the file does not say
};

// Nothing for a kind that is not known.
std::optional<GgufPreTokenizer> gguf_pre_tokenizer(std::string_view kind);

// Old files do not name the kind; the architecture then tells it. Empty: it does not.
std::string_view gguf_kind_of_architecture(std::string_view architecture);

}  // namespace tepui::input

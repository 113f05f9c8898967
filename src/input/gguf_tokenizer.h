// SPDX-License-Identifier: MIT
// The tokenizer in a GGUF file's metadata (tokenizer.ggml.*): SentencePiece BPE ("llama") or
// byte-level BPE ("gpt2") with the pre-tokenizer that tokenizer.ggml.pre names. Files do not hold
// normalizers; where the published tokenizer of a kind has one (NFC), it is applied here too, so
// that a model's GGUF file and its HF folder give the same ids.
#pragma once

#include <filesystem>
#include <memory>

#include "gguf/metadata.h"
#include "input/tokenizer.h"

namespace tepui::input {

Result<std::unique_ptr<Tokenizer>> load_gguf_tokenizer(const std::filesystem::path& file);
Result<std::unique_ptr<Tokenizer>> gguf_tokenizer(const GgufMetadata& metadata);

}  // namespace tepui::input

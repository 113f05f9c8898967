// SPDX-License-Identifier: MIT
// What stands beside the vocabulary in a model folder: tokenizer_config.json,
// special_tokens_map.json, added_tokens.json and config.json. From them comes which tokens are BOS
// and EOS, and whether BOS is put before a text.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "input/added_tokens.h"
#include "input/vocabulary.h"

namespace tepui::input {

// A special token as a folder names it: not at all, as none (null), or by its content.
struct TokenName {
  bool mentioned = false;
  std::optional<std::string> content;
};

struct TokenizerSettings {
  std::string source;  // for error messages
  std::optional<bool> add_bos_token;
  std::optional<bool> add_prefix_space;
  std::string tokenizer_class;  // without "Fast"
  TokenName bos;
  TokenName eos;
  TokenName unk;
  std::vector<AddedToken> added_tokens;  // of added_tokens_decoder and added_tokens.json
  std::optional<TokenId> config_bos;     // config.json's, used where nothing else names one
  std::optional<TokenId> config_eos;
  std::string model_type;
};

// Reads the files that exist; an empty folder name gives settings that say nothing.
Result<TokenizerSettings> read_tokenizer_settings(const std::filesystem::path& folder);

// What the vocabulary's own container knows of BOS and EOS.
struct ContainerRule {
  std::optional<TokenId> bos;
  std::optional<TokenId> eos;
  std::optional<bool> adds_bos;  // a post-processor, or the kind of model
};

// The settings go before the container, config.json comes last. An explicit add_bos_token decides;
// else LLaMA's and Gemma's classes, which always add one; else the container.
Result<SpecialIds> resolve_specials(const TokenizerSettings& settings, const PieceIds& vocabulary,
                                    const ContainerRule& rule);

}  // namespace tepui::input

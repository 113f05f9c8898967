// SPDX-License-Identifier: MIT
// The pipeline that a tokenizer.json describes: added tokens are cut out, the rest is normalized,
// cut into words and merged by BPE. GPT-2's vocab.json + merges.txt is the same pipeline with
// fixed parts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "input/added_tokens.h"
#include "input/bpe.h"
#include "input/normalizer.h"
#include "input/pre_tokenizer.h"
#include "input/tokenizer_settings.h"

namespace tepui::input {

struct Pipeline {
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  Bpe bpe;
  std::vector<AddedToken> added_tokens;
  ContainerRule rule;
  std::string description;  // of the normalizer and pre-tokenizer, for the fingerprint
};

// `where` opens error messages.
Result<std::unique_ptr<Tokenizer>> make_pipeline_tokenizer(Pipeline pipeline,
                                                           const TokenizerSettings& settings,
                                                           const std::string& where);

}  // namespace tepui::input

// SPDX-License-Identifier: MIT
// The tokens that a run learns from and is judged by, and the batches that a seed draws from them,
// as nanoGPT draws them: sequences that begin anywhere, each token's target the next one.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tepui/result.h"
#include "train/recipe.h"
#include "train/train_engine.h"

namespace tepui {

struct TokenData {
  std::vector<std::int32_t> train;
  std::vector<std::int32_t> validation;
  int vocabulary = 0;                 // of the tokenizer; of .bin files the largest id and one
  std::optional<std::int32_t> begin;  // the token that sequences begin with
  std::string tokenizer_json;         // where the tokens are the text's own characters
  std::vector<std::filesystem::path> tokenizer_files;  // else, to lie beside the model
  std::vector<std::string> pieces;  // the vocabulary's spelling of each token, where it is known
};

// Of the tokens and of what they mean: a run goes on with the same.
std::string data_hash(const TokenData& data);

// Errors name the file, and the byte where one is at fault.
Result<TokenData> load_token_data(const DataRecipe& recipe);

// The batch of one micro-batch; the same whenever it is drawn.
enum class BatchUse : std::uint32_t { training = 201, of_training = 202, of_validation = 203 };
TokenBatch draw_batch(const std::vector<std::int32_t>& tokens, const TrainShape& shape,
                      std::uint64_t seed, BatchUse use, std::uint64_t number);

// A sequence that begins with shape.begin has one token less of the text.

// The i-th of the batches that hold all tokens once, without overlap; a last one that is not full
// repeats its last sequence with targets that do not count. `counted`: targets that do.
std::size_t whole_batches(std::size_t tokens, const TrainShape& shape);
TokenBatch whole_batch(const std::vector<std::int32_t>& tokens, const TrainShape& shape,
                       std::size_t i, std::size_t& counted);

// The dropout key of a micro-batch.
std::array<std::uint32_t, 2> dropout_key(std::uint64_t seed, std::uint64_t number);

}  // namespace tepui

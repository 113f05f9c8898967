// SPDX-License-Identifier: MIT
// Chooses the next token from logits: the largest, or a draw. Everything is computed in double and
// in a fixed order, so that equal logits and an equal seed give equal tokens on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>

#include "input/tokenizer.h"

namespace tepui {

// Applied in this order, as transformers does.
struct SamplingOptions {
  double temperature = 0;  // logits are divided by it; 0: the most probable token, no draw
  int top_k = 0;           // of the most probable ones, the lowest id first among equals; 0: all
  double top_p = 1;        // then the fewest of these whose probabilities add up to it
  std::uint64_t seed = 0;
};

class Sampler {
 public:
  // Streams of one seed draw independently of one another; every token takes one draw.
  Sampler(const SamplingOptions& options, std::uint32_t stream);

  // Of finite logits; the lowest id wins ties.
  TokenId next(std::span<const float> logits);

 private:
  SamplingOptions options_;
  std::mt19937_64 random_;
};

// Where the first logit lies that is infinite or not a number, if one is.
std::optional<std::size_t> first_not_finite(std::span<const float> logits);

// -log p(id) in nats, from logits.
double loss_of(std::span<const float> logits, TokenId id);

}  // namespace tepui

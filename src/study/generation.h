// SPDX-License-Identifier: MIT
// Texts that a model writes behind prompts, unedited and in every branch. All of them go on
// together, a token at a time. A branch draws the random numbers that the unedited run draws, so
// that texts part because of the edits alone.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "exec/head.h"
#include "exec/prefix.h"
#include "study/sampler.h"

namespace tepui {

struct GenerationOptions {
  int max_tokens = 64;
  std::vector<TokenId> stops;  // a text ends behind one of these
  SamplingOptions sampling;
};

enum class TextEnd : std::uint8_t { stop, max_tokens, context };

struct GeneratedText {
  std::vector<TokenId> ids;    // behind the prompt; the stop is the last one
  std::vector<double> losses;  // -log p of each, in nats, without temperature and cuts
  TextEnd end = TextEnd::max_tokens;
};

// After every step: tokens written so far in all texts, and the most there may be.
using OnToken = std::function<void(std::int64_t done, std::int64_t most)>;

// By prompt, then by branch: the unedited one, then `branches`. `executor` measures
// prefix_metrics(). Prompts must be valid (check_sequences). An error where logits are not finite.
Result<std::vector<std::vector<GeneratedText>>> generate(
    Backend& backend, const Model& model, Executor& executor, Head& head, Sequences prompts,
    std::span<const Branch> branches, const MassiveRule& massive, const GenerationOptions& options,
    const OnToken& on_token);

// How many tokens a sequence that begins with a prompt of this length may have: the model's
// context, or fewer where more would change the frequencies of its rotary embedding.
int longest_text(const ModelSpec& spec, int prompt);

}  // namespace tepui

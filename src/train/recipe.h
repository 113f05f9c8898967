// SPDX-License-Identifier: MIT
// What a training run is: the model, its data, and how it is trained. The defaults are nanoGPT's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "train/auxiliary.h"
#include "train/optimiser.h"

namespace tepui {

struct ModelRecipe {
  std::string family = "gpt2";  // or "llama"
  int layers = 12;
  int heads = 12;
  int kv_heads = 0;  // llama; 0: heads
  int width = 768;
  int hidden = 0;  // 0: 4 * width (gpt2), 8/3 of it, rounded up to a multiple of 32 (llama)
  int context = 1024;
  int vocabulary = 0;               // 0: the data's
  bool bias = false;                // gpt2: of linear layers and norms
  std::string activation = "gelu";  // gpt2: "gelu" (exact) or "gelu_new" (its tanh form)
  std::optional<bool> tied = {};    // gpt2: yes, llama: no
  double dropout = 0;  // of embeddings, attention's probabilities, and what attention and MLP add
  double deviation =
      0.02;  // of the initial weights; those that add to the stream: / sqrt(2 layers)
  double rope_theta = 10000;
  // What is changed: kv_bias, k_bias, v_bias, off_by_one, clipped, gated, gated_heads, sigmoid,
  // sink_token, dyt, no_positions, post_norm.
  std::vector<std::string> variants = {};
  double clip_alpha = 12;            // of clipped softmax: gamma = -alpha / context
  double dyt_alpha_attention = 0.8;  // the first alpha of DyT before attention
  double dyt_alpha_others = 0.2;     // and of all others
  int window = 0;                    // keys that a query sees, its own counted; 0: all
  int prefix = 0;                    // first tokens that every query sees; 0: none
  // Linear weights of layer l (from 1) begin with the deviation / sqrt(l), also those that add to
  // the stream.
  bool lir = false;
  // A model to go on from; of the above, only context, dropout and bias are asked then.
  std::optional<std::filesystem::path> from = {};
};

struct DataRecipe {
  std::vector<std::filesystem::path> texts;        // one after the other
  std::vector<std::filesystem::path> ids;          // or JSON lists of token ids, likewise
  std::string tokens = "characters";               // or a tokenizer: a file or a model's folder
  double validation = 0.1;                         // the last share of the tokens
  std::optional<std::filesystem::path> train_bin;  // nanoGPT's: u16, little-endian
  std::optional<std::filesystem::path> validation_bin;
  // Every sequence begins with the tokenizer's BOS, or of characters with a token of its own.
  bool begin = false;
  bool operator==(const DataRecipe&) const = default;
};

// Targeted variance rescaling: every so many steps, each matrix of a layer whose deviation s is
// more than `above` times the target becomes (W - mean) / s * target + mean.
struct TvrSettings {
  std::int64_t every = 0;  // 0: never
  double target = 0.02;
  double above = 1.2;
  bool by_depth = false;  // the target of layer l (from 1) is divided by sqrt(l)
};

struct TrainRecipe {
  ModelRecipe model;
  DataRecipe data;
  int batch = 12;        // sequences of a micro-batch
  int accumulation = 1;  // micro-batches of a step
  ScheduleSettings schedule;
  OptimiserSettings optimiser;
  TvrSettings tvr;
  std::vector<AuxiliaryTerm> auxiliary;
  std::uint64_t seed = 1337;
  std::int64_t evaluate_every = 250;
  int evaluation_batches = 20;
  std::int64_t checkpoint_every = 0;       // 0: at the end alone
  std::int64_t watch_every = 0;            // 0: never; also at powers of two before
  int watched_sequences = 4;               // the first of the validation data
  std::string watch_sites = "resid_post";  // where a scan's metrics measure
  bool zeroing = false;                    // at the end: perplexity without massive activations
  double stop_above = 0;                   // a loss that ends the run; 0: 4 ln(vocabulary)
};

}  // namespace tepui

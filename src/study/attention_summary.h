// SPDX-License-Identifier: MIT
// What a store says of attention: means over sequences, by branch, layer and head. Key and
// threshold of the sink rate are chosen here, so that others need no new run.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "store/reader.h"
#include "tepui/result.h"

namespace tepui {

// A key is a sink of a head where it receives more than epsilon, as a mean over the queries at and
// behind it among a sequence's first T (Gu et al. 2025: key 0, 0.3, T = 64).
struct SinkRule {
  int key = 0;
  double epsilon = 0.3;
};

// How constant vectors are over the queries behind the tokens; means over sequences.
struct ConstancyMean {
  double square = 0;    // of |y|^2 over queries
  double centre = 0;    // |mean y|^2
  double variance = 0;  // mean |y - mean y|^2 / |mean y|^2; infinite where the mean is 0
  double cosine = 0;    // mean of cos(y, mean y)
};

// l2 norms by head, or of whole rows, of three classes of tokens; empty where there are none.
struct NormMeans {
  std::vector<double> first;   // position 0
  std::vector<double> marked;  // the tokens
  std::vector<double> others;  // neither
};

struct AttentionLayer {
  int layer = 0;
  int sequences = 0;                      // that have rows
  std::vector<double> received;           // [H]: by the sink's key
  std::vector<int> sinks;                 // [H]: sequences in which it is one
  int sink_sequences = 0;                 // that are long enough to have the key
  std::vector<double> entropy;            // [H]: nats, mean over queries
  std::vector<double> share;              // [H]: of the tokens, from queries behind them
  std::vector<ConstancyMean> z_part;      // [H]: before the output projection
  std::vector<ConstancyMean> z_rest;      // [H]
  std::optional<ConstancyMean> out_part;  // behind it
  std::optional<ConstancyMean> out_rest;
  NormMeans resid_pre;
  NormMeans attn_in;
  NormMeans q;
  NormMeans k;
  NormMeans v;
  NormMeans resid_peak;  // the largest element's share of the squared norm
  NormMeans attn_peak;
};

struct AttentionBranch {
  std::string name;
  std::string edits;
  std::vector<AttentionLayer> layers;

  double sink_rate() const;  // share of heads, layers and sequences
};

// Tokens of one spelling at one position that hold massive activations.
struct MassiveToken {
  std::int32_t token_id = 0;
  std::int64_t position = 0;
  int sequences = 0;
  std::vector<std::int64_t> layers;  // of resid_post in which any of them does, ascending
};

struct AttentionSummary {
  RunInfo run;
  nlohmann::json identity;
  SinkRule rule;
  int early = 0;    // T
  int queries = 0;  // that T means in the longest sequence, and whether in every one
  bool same = true;
  int sequences = 0;  // of the input
  int finished = 0;
  std::vector<int> asked;             // positions, where they were given
  std::vector<MassiveToken> massive;  // else these, most frequent first
  std::vector<VocabularyRow> vocabulary;
  std::vector<AttentionBranch> branches;

  std::string token_bytes(std::int32_t id) const;
  // "the first 64 queries"; "at most the first 64 queries" where shorter sequences have fewer.
  std::string early_queries() const;
};

// The layers of a store of any command that measured attention, under one branch.
Result<std::vector<AttentionLayer>> attention_layers(StoreReader& store, int branch,
                                                     const std::vector<int>& sequences,
                                                     const SinkRule& rule);

// Whether `tepui attention` made the store.
bool is_attention(const nlohmann::json& identity);

// An error where the store is of another command, or its sequences are too short for the key.
Result<AttentionSummary> summarise_attention(StoreReader& store, const SinkRule& rule);

}  // namespace tepui

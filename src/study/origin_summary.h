// SPDX-License-Identifier: MIT
// What a store of `tepui origin` says: each massive activation as the sum of what was added to it,
// the same by kind of token, and the largest |x| of every site.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "store/reader.h"
#include "tepui/result.h"

namespace tepui {

// What a neuron gives to one channel: its activation times its entry of the down projection, of a
// mixture of experts times what the expert counts for.
struct NeuronPart {
  std::uint32_t neuron = 0;  // column of the down projection; of experts e * F + column
  float act = 0;
  float weight = 0;
  float gives = 0;
};

// What a sub-layer adds to one element of the residual stream.
struct LayerPart {
  float attention = 0;              // attn_out_post
  float attention_raw = 0;          // attn_out, which the heads and a bias add up to
  float mlp = 0;                    // mlp_out_post
  float mlp_raw = 0;                // mlp_out, which the neurons and a bias add up to
  float resid_post = 0;             // the stream behind the layer
  std::vector<float> heads;         // [H], before a norm behind
  std::vector<NeuronPart> neurons;  // the strongest ones, likewise
};

// One element of the stream that is massive in some layer.
struct OriginLife {
  int sequence = 0;
  std::int64_t position = 0;
  std::int64_t channel = 0;
  std::int32_t token_id = 0;
  std::vector<std::int64_t> massive_layers;  // ascending
  float embedding = 0;
  std::vector<LayerPart> layers;

  int peak_layer() const;  // where |resid_post| is largest, the first one of equals
  float peak() const;
};

enum class OriginPart : std::uint8_t { embedding, attention, mlp };

struct Contribution {
  OriginPart part = OriginPart::embedding;
  int layer = -1;
  float value = 0;
  double share = 0;  // of the peak
};

// What made the element: contributions up to the peak that have its sign, the largest first.
std::vector<Contribution> written(const OriginLife& life);
// What undoes it: contributions behind the peak against its sign, the largest first.
std::vector<Contribution> removed(const OriginLife& life);

// Lives of one channel of one token, at position 0 or elsewhere.
struct OriginGroup {
  std::int32_t token_id = 0;
  bool first = false;
  std::int64_t channel = 0;
  std::vector<const OriginLife*> lives;      // ascending by sequence and position
  int sequences = 0;                         // in which there are such
  std::vector<std::int64_t> massive_layers;  // of any
  const OriginLife* largest = nullptr;       // the one with the largest peak
  double mean_peak = 0;                      // signed
};

// The largest |x| of a site in a layer.
struct SiteRange {
  Point point;
  float value = 0;  // signed
  int sequence = 0;
  std::int64_t position = 0;
  std::int64_t channel = 0;
};
inline constexpr double kLargestHalf = 65504;  // that f16 represents

struct OriginSummary {
  RunInfo run;
  nlohmann::json identity;
  int sequences = 0;  // of the input
  int finished = 0;
  int hidden = 0;                   // F of experts' neurons; 0: no mixture of experts
  std::vector<OriginLife> lives;    // by sequence, position, channel
  std::vector<OriginGroup> groups;  // the largest mean peak first; they point into lives
  std::vector<SiteRange> ranges;    // by place, in order of computation
  std::vector<VocabularyRow> vocabulary;

  std::string token_bytes(std::int32_t id) const;
  std::int32_t token_at(int sequence, std::int64_t position) const;
  std::vector<SequenceRow> sequence_rows;
};

// Whether `tepui origin` made the store.
bool is_origin(const nlohmann::json& identity);

Result<OriginSummary> summarise_origin(StoreReader& store);

// "mlp 3", "attention 7", "embedding".
std::string part_name(const Contribution& one);
// "neuron 311", of a mixture "expert 2, neuron 311".
std::string neuron_name(const OriginSummary& summary, std::uint32_t neuron);

}  // namespace tepui

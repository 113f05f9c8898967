// SPDX-License-Identifier: MIT
// What measuring produces, in long form: a metric adds rows, never a column. The executor hands
// rows to a RowSink and does not know what is behind it (the store, a test). Rows of one unit of
// work come between begin_unit and end_unit.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tepui/result.h"
#include "tepui/site.h"

namespace tepui {

// One number. Metrics of a scan (the columns that mean nothing for a metric hold -1):
//   top_k        rank 0.. (largest |x| first), position, channel, value signed
//   quantile     rank = index in the list of fractions, parameter = the fraction, value = that
//   quantile of |x|
//                (the element at index floor(fraction * (n - 1)) of the n sorted |x|; 0.5 gives the
//                lower median)
//   above        rank 0.. in ascending (position, channel), value signed: every |x| > parameter *
//   median (all of them up
//                to a capacity), or > the floor where the median is 0
//   above_count  value = how many there are, listed or not; parameter as above
// and of a run that looks at attention, at resid_post of the unedited run:
//   massive      rank 0.. in ascending (position, channel): the massive activations, value signed
// of a run that follows massive activations (and there `massive` likewise):
//   origin       rank 0.. in ascending (position, channel): the value at each place, at embeddings,
//   attn_out, attn_out_post, mlp_out, mlp_out_post, resid_post; largest: top_k's rank 0, all sites
// and of other branches than the unedited run:
//   change       |x - unedited| / |unedited| in l2 norms: rank 0 mean over tokens, 1 position 0, 2
//   mean over the others
struct Observation {
  int sequence = 0;
  Point point;
  std::string_view metric;
  int rank = -1;
  double parameter = 0;
  std::int64_t position = -1;
  std::int64_t channel = -1;
  float value = 0;
  int branch = 0;  // 0: the unedited run
};

// One array, stored whole. Metrics of a scan:
//   channel_max  values [D] signed, indices [D] the position of each
//   token_max    values [T] signed, indices [T] the channel of each
//   l2_norm      values [T], no indices
//   surface      values [cells] signed, by rows of metrics/surface.h; indices position * D +
//   channel
//                of each, none where a cell is one element. The first sequences alone have it.
// Of a run that looks at attention, by head h of H, none with indices:
//   received        [H, T]: what key j receives, as a mean over the T - j queries at or behind it
//   received_early  [H, n], n = min(T, the run's `early`): the same among the first n tokens
//   entropy         [H]: nats, mean over queries
//   marked_share    [H]: what the marked tokens receive, mean over the queries behind the first of
//   them that are not marked themselves; where there are such queries, and so are these:
//   z_part, z_rest  [H, 4]: of what the marked tokens' values give to z, and of all other of it:
//   mean |y|^2 over these queries, |mean y|^2, mean |y - mean y|^2, mean of cos(y, mean y)
//   out_part, out_rest  [4]: the same behind the output projection, without its bias
//   norm_first, norm_marked, norm_others  at resid_pre and attn_in [1], at q, k and v by head: l2
//   norms of position 0, and means over the marked tokens and over those that are neither
//   peak_first, peak_marked, peak_others  [1]: the largest element's share of the squared norm
//   map.H, map.mean  [n, n] by query, n = min(T, the run's `map_tokens`): of head H, or the mean
//   over heads, at attn_scores the scores (-infinity where a query does not see the key), at
//   attn_probs the probabilities
// Of a run that follows massive activations, for each of P places in the order of `origin`:
//   by_head          [P, H] at z: what each head gives to the channel of attn_out
//   by_neuron        [P, N] at mlp_act: what the N strongest neurons give to the channel of
//   mlp_out, the strongest first; indices: the neuron, of a mixture expert * F + neuron
//   by_neuron.act, by_neuron.weight  [P, N]: their activations and entries of the down projection
// and at `logits`, of a run that scores its text:
//   log_likelihood  values [T - 1]: log p(token t + 1 | tokens up to t) in nats, no indices
struct Series {
  int sequence = 0;
  Point point;
  std::string_view metric;
  std::span<const float> values;
  std::span<const std::uint32_t> indices;  // empty or as long as values
  int branch = 0;
};

class RowSink {
 public:
  virtual ~RowSink() = default;
  // A unit is a range of sequences, [first, last); what it wrote is there whole or not at all.
  virtual Status begin_unit(int first_sequence, int last_sequence) = 0;
  virtual Status add(const Observation& row) = 0;
  virtual Status add(const Series& row) = 0;
  virtual Status end_unit() = 0;
};

}  // namespace tepui

// SPDX-License-Identifier: MIT
// Where the fused statistics of one value keep what their passes tell each other; the producer of
// the value, where it counts the first histogram, shares it. Needs `scratch`, `offsets`, `p` of
// StatisticsParams and bits_at.
#include "backend/vulkan/statistics_params.h"
#include "lib/arrive.glsl"
#include "lib/blocks.glsl"
#include "lib/largest.glsl"
#include "lib/radix.glsl"
#include "lib/top.glsl"

uint collect_counter(uint s) { return s; }
uint write_counter(uint s) { return p.sequences + s; }
uint radix_begin() { return 2 * p.sequences; }
// Behind what begins cleared: the ranks of quantile_abs, the limits of lib/collect.glsl, the top-k
// candidates, the partial maxima (magnitude, channel) of each row, the counts of the blocks.
uint rank_at(uint s, uint q) { return radix_end() + s * p.ranks + q; }
uint limits_at(uint s) { return rank_at(p.sequences, 0) + 2 * s; }
uint top_begin() { return limits_at(p.sequences); }
uint maximum_at(uint row, uint tile) { return top_end() + 2 * (row * p.tiles + tile); }
uint collect_begin() { return maximum_at(p.rows, 0); }

// top_k_abs asks for one rank more, the last.
uint ranks_per_sequence() { return p.ranks + (p.k > 0 ? 1 : 0); }
uint rank_asked(uint s, uint q) {
  return q < p.ranks ? scratch.v[rank_at(s, q)] : count_of(s) - wanted(s);
}
uint top_key(uint s) { return p.k > 0 ? scratch.v[state_at(s, p.ranks)] : NO_INDEX; }

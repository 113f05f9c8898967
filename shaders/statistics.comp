#version 460
// SPDX-License-Identifier: MIT
// All statistics of one value together (statistics_plan.h), a workgroup a block: the same numbers
// as quantile_abs, top_k_abs, above_abs, token_max_abs and l2_norm alone, in fewer readings of it.
// Pass 0: the first histogram, unless the value's producer counted it. Pass 1: the second, with
// each row's maximum and norm. Pass 2: the third, the quantiles and the limits. Pass 3: counts what
// is above the limits. Pass 4: gathers it.
#include "lib/common.glsl"
#include "lib/multiply.glsl"
#include "lib/reduce.glsl"
#include "backend/vulkan/statistics_params.h"

layout(constant_id = 2) const uint kPass = 0;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints x;
  SLOT(1) Ints offsets;
  SLOT(2) Uints a;  // by pass, see the functions that write to them
  SLOT(3) Uints b;
  SLOT(4) Uints c;
  SLOT(5) Uints d;
  PARAMS StatisticsParams p;
  SCRATCH Scratch scratch;
};

uint bits_at(uint i) { return x.v[i]; }

#include "lib/above.glsl"
#include "lib/statistics.glsl"
#include "lib/collect.glsl"
#include "lib/radix_blocks.glsl"

// Pass 1: a and b are token_max_abs's value and channel, c is l2_norm's.
uvec2 row_maximum(uint row) {
  uvec2 best = uvec2(0, NO_INDEX);
  if (p.tiles == 0) {
    for (uint i = lane(); i < p.dim; i += 8 * LANES) {
      uint bits[8];  // several loads under way at once
      [[unroll]] for (uint j = 0; j < 8; ++j)
        bits[j] = i + j * LANES < p.dim ? bits_at(row * p.dim + i + j * LANES) : 0;
      [[unroll]] for (uint j = 0; j < 8; ++j) {
        const uvec2 own = uvec2(magnitude(bits[j]), i + j * LANES);
        if (own.y < p.dim && beats(own, best)) best = own;
      }
    }
  } else {
    for (uint tile = lane(); tile < p.tiles; tile += LANES) {
      const uint at = maximum_at(row, tile);
      const uvec2 own = uvec2(scratch.v[at], scratch.v[at + 1]);
      if (beats(own, best)) best = own;
    }
  }
  return reduce_largest(best);
}

void measure_row(uint row) {
  if ((p.outputs & TEPUI_STATISTICS_TOKEN_MAX) != 0) {
    const uvec2 best = row_maximum(row);
    if (lane() == 0) {
      a.v[row] = best.y == NO_INDEX ? 0 : bits_at(row * p.dim + best.y);
      b.v[row] = best.y;
    }
  }
  if ((p.outputs & TEPUI_STATISTICS_L2_NORM) != 0) {
    precise float squares = 0;  // in the order of l2_norm.comp
    for (uint i = lane(); i < p.dim; i += 8 * LANES) {
      float values[8];
      [[unroll]] for (uint j = 0; j < 8; ++j)
        values[j] = i + j * LANES < p.dim ? uintBitsToFloat(bits_at(row * p.dim + i + j * LANES)) : 0.0;
      [[unroll]] for (uint j = 0; j < 8; ++j) squares = fma(values[j], values[j], squares);
    }
    const float sum = reduce_add(squares);
    if (lane() == 0) c.v[row] = floatBitsToUint(sqrt(sum));
  }
}

void measure_rows() {
  const Block block = block_of(group());
  if (block.idle) return;
  for (uint i = block.begin; i < block.end; i += p.dim) measure_row(i / p.dim);
}

// Pass 2: a is quantile_abs's.
void found(uint s, uint q, bool there, uint key) {
  if (q < p.ranks) a.v[s * p.ranks + q] = there ? key : 0;
}

void set_limits(uint s) {
  memoryBarrierBuffer();
  barrier();
  if (lane() != 0) return;
  scratch.v[limits_at(s)] = top_limit(s);
  uint limit = NO_INDEX;
  if (p.capacity > 0) {
    const uint level = scratch.v[state_at(s, p.level_column)];
    limit = above_limit(level == NO_INDEX ? 0 : level);
  }
  scratch.v[limits_at(s) + 1] = limit;
}

uvec2 limits_of(uint s) { return uvec2(scratch.v[limits_at(s)], scratch.v[limits_at(s) + 1]); }

// Pass 3: a is above_abs's count. Passes 3 and 4: b and c are its value and index.
void above_give(uint s, uint place, uint value, uint index) {
  b.v[s * p.capacity + place] = value;
  c.v[s * p.capacity + place] = index;
}
void counted(uint s, uvec3 total) {
  if (lane() == 0) {
    scratch.v[larger_at(s)] = total.x;
    if (p.capacity > 0) a.v[s] = total.z;
  }
  above_clear(s, total.z);
}

// Pass 4: a and d are top_k_abs's value and index.
void top_give(uint s, uint place, uint value, uint index) {
  a.v[s * p.k + place] = value;
  d.v[s * p.k + place] = index;
}
void write(Block block, uint i, uint kind, uint ordinal) {
  if (kind < 2) top_candidate(block, i, kind, ordinal);
  else if (ordinal < p.capacity) above_give(block.sequence, ordinal, bits_at(i), i - block.origin);
}

void gather() {
  const Block block = block_of(group());
  if (block.idle) return;
  collect_write(block);
  if (arrives_last(write_counter(block.sequence), slots_of(block.sequence)))
    top_order(block.sequence);
}

void main() {
  switch (kPass) {
    case 0: radix_level(0); return;
    case 1:
      measure_rows();
      if (ranks_per_sequence() > 0) radix_level(1);
      return;
    case 2:
      if (radix_level(2)) set_limits(block_of(group()).sequence);
      return;
    case 3: collect_count(); return;
    default: gather();
  }
}

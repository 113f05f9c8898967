// variants: IN=f32|f16|bf16|q8_0|q4_0|q4_1|q5_0|q5_1|q2_k|q3_k|q4_k|q5_k|q6_k
#version 460
// SPDX-License-Identifier: MIT
// Packs a matrix (lib/panels.glsl), f16, bf16 and q8_0 as they are, all else as f32: neighbouring
// lanes of `linear` then read neighbouring vectors. One lane an element of it, or a block of four
// columns.
#include "lib/common.glsl"
#include "lib/load.glsl"
#include "lib/panels.glsl"

layout(constant_id = 1) const uint kFactorLines = 0;
#if defined(IN_f16) || defined(IN_bf16)
#define PACKED Halves
#define STORED(i) uint16_t(uint(stored.v[i]))
#define NONE uint16_t(0u)
#else
#define PACKED Uints
#define STORED(i) load_bits(stored, i)
#define NONE 0
#endif

layout(push_constant, scalar) uniform Push {
  SLOT(0) Elements stored;
  SLOT(1) PACKED y;
  PARAMS PackParams p;
};

uint row_of(uint n) { return p.run == 0 ? n : n / p.run * p.period + n % p.run; }

#ifdef IN_q8_0
const uint kElements = 32;
const uint kBytes = 34;

void main() {
  const uint vectors = (p.n + 3) / 4;
  const uint blocks = p.k / kElements;
  const uint i = group() * LANES + lane();
  if (i >= vectors * blocks) return;
  const uint first = i / (PANEL * blocks) * PANEL;
  const uint within = i - first * blocks;
  const uint width = panel_width(vectors, first);
  const uint v = first + within % width;
  const uint at = panel_at(vectors, first, blocks * kBytes + kFactorLines, within / width * kBytes) +
                  within % width;
  uint from[4];  // in halves
  [[unroll]] for (uint c = 0; c < 4; ++c)
    from[c] = ((p.offset + row_of(min(4 * v + c, p.n - 1)) * p.stride) / kElements +
               within / width) * (kBytes / 2);
  for (uint half_ = 0; half_ < kBytes / 2; ++half_) {
    uint low = 0;
    uint high = 0;
    [[unroll]] for (uint c = 0; c < 4; ++c) {
      const uint both = 4 * v + c < p.n ? uint(stored.v[from[c] + half_]) : 0;
      low |= (both & 0xffu) << (8 * c);
      high |= (both >> 8) << (8 * c);
    }
    y.v[at + 2 * half_ * width] = low;
    y.v[at + (2 * half_ + 1) * width] = high;
  }
}
#else
void main() {
  const uint vectors = (p.n + 3) / 4;
  const uint i = group() * LANES + lane();
  if (i >= 4 * vectors * p.k) return;
  const uint first = i / (4 * PANEL * p.k) * PANEL;
  const uint within = i - 4 * first * p.k;
  const uint width = 4 * panel_width(vectors, first);
  const uint k = within / width;
  const uint c = within % width;
  const uint n = 4 * first + c;
  const uint from = p.transposed != 0 ? k * p.stride + row_of(n) : row_of(n) * p.stride + k;
  const uint at = 4 * panel_at(vectors, first, p.k + kFactorLines, k) + c;
  if (n < p.n)
    y.v[at] = STORED(p.offset + from);
  else
    y.v[at] = NONE;
}
#endif

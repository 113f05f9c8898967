// variants: IN=f32|f16|bf16|q8_0|q4_0|q4_1|q5_0|q5_1|q2_k|q3_k|q4_k|q5_k|q6_k
#version 460
// SPDX-License-Identifier: MIT
// Packs a matrix (lib/panels.glsl), no type wider than it is stored: neighbouring lanes of `linear`
// then read neighbouring vectors. One lane an element of it, or a block of four columns.
#include "lib/common.glsl"
#include "lib/panels.glsl"

layout(constant_id = 1) const uint kFactorLines = 0;
#if defined(IN_f32)
#define STORED Uints
#elif defined(IN_f16) || defined(IN_bf16)
#define STORED Halves
#else
#define BLOCKS
#define STORED Halves
layout(constant_id = 2) const uint kBlock = 32;       // rows of a block, and
layout(constant_id = 3) const uint kBlockLines = 34;  // its bytes for one column
#endif

layout(push_constant, scalar) uniform Push {
  SLOT(0) STORED stored;
#ifdef BLOCKS
  SLOT(1) Uints y;
#else
  SLOT(1) STORED y;
#endif
  PARAMS PackParams p;
};

uint row_of(uint n) { return p.run == 0 ? n : n / p.run * p.period + n % p.run; }

#ifdef BLOCKS
void main() {
  const uint vectors = (p.n + 3) / 4;
  const uint blocks = p.k / kBlock;
  const uint i = group() * LANES + lane();
  if (i >= vectors * blocks) return;
  const uint first = i / (PANEL * blocks) * PANEL;
  const uint width = panel_width(vectors, first);
  const uint block = (i - first * blocks) / width;
  const uint v = (i - first * blocks) % width;
  const uint lines = blocks * kBlockLines + kFactorLines;
  const uint at = panel_at(vectors, first, lines, block * kBlockLines) + v;
  uint from[4];  // in halves
  [[unroll]] for (uint c = 0; c < 4; ++c) {
    const uint row = row_of(min(4 * (first + v) + c, p.n - 1));
    from[c] = ((p.offset + row * p.stride) / kBlock + block) * (kBlockLines / 2);
  }
  for (uint half_ = 0; half_ < kBlockLines / 2; ++half_) {
    uint low = 0;
    uint high = 0;
    [[unroll]] for (uint c = 0; c < 4; ++c) {
      const uint both = 4 * (first + v) + c < p.n ? uint(stored.v[from[c] + half_]) : 0;
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
  const uint row = row_of(n);
  const uint from = p.offset + (p.transposed != 0 ? k * p.stride + row : row * p.stride + k);
  const uint at = 4 * panel_at(vectors, first, p.k + kFactorLines, k) + c;
  if (n < p.n) y.v[at] = stored.v[from];
#ifdef IN_f32
  else y.v[at] = 0;
#else
  else y.v[at] = uint16_t(0u);
#endif
}
#endif

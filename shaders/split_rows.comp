#version 460
// SPDX-License-Identifier: MIT
// The rows of x as three halves for each element (lib/split.glsl), a workgroup a row: 1/s of every
// row, then a plane of all rows for each term, rows padded with zeros to a multiple of 16.
#include "lib/common.glsl"
#include "lib/normed.glsl"
#include "lib/reduce.glsl"
#include "lib/split.glsl"

layout(constant_id = 1) const uint kNormed = 0;  // as in linear_tiles.comp

layout(constant_id = 2) const uint kCopies = 1;  // rows of x for each that the parameters tell

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Floats norm_factors;
  SLOT(2) Floats norm_weight;
  PARAMS LinearParams p;  // ExpertParams begin alike
  SCRATCH Uints scratch;
};

uint rows() { return p.rows * kCopies; }

float element(uint row, uint k) {
  if (k >= p.k) return 0.0;
  const float own = x.v[row * p.k + k];
  if (kNormed == 0) return own;
  return normed(kNormed, own, norm_factors, norm_weight, rows(), row, k);
}

void main() {
  const uint row = group();
  if (row >= rows()) return;
  float largest = 0;
  for (uint k = lane(); k < p.k; k += LANES) {  // not unrolled: the elements that are split below
    const float own = abs(element(row, k));
    if (own > largest && floatBitsToUint(own) < 0x7f800000u) largest = own;
  }
  largest = reduce_max(largest);
  const float factor = split_factor(floatBitsToUint(largest));
  const uint pairs = (p.k + 15) / 16 * 8;
  const uint first = (rows() + 3) / 4 * 4;
  if (lane() == 0) scratch.v[row] = floatBitsToUint(inverse_factor(factor));
  for (uint i = lane(); i < pairs; i += LANES) {
    const uvec3 low = split_terms(element(row, 2 * i) * factor);
    const uvec3 high = split_terms(element(row, 2 * i + 1) * factor);
    [[unroll]] for (uint t = 0; t < 3; ++t)
      scratch.v[first + (t * rows() + row) * pairs + i] = low[t] | (high[t] << 16);
  }
}

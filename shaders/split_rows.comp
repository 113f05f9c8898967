#version 460
// SPDX-License-Identifier: MIT
// The rows of x as two halves for each element (lib/split.glsl), a workgroup a row: 1/s of every
// row, then a plane of all rows for each term, rows filled with zeros to a multiple of kSplitDepth.
#include "lib/common.glsl"
#include "lib/fours.glsl"
#include "lib/normed.glsl"
#include "lib/reduce.glsl"
#include "lib/split.glsl"

layout(constant_id = 1) const uint kNormed = 0;  // as in linear_tiles.comp

layout(constant_id = 2) const uint kCopies = 1;  // rows of x for each that the parameters tell

layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Narrow { uvec2 v[]; };

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Floats norm_factors;
  SLOT(2) Floats norm_weight;
  PARAMS LinearParams p;  // ExpertParams begin alike
  SCRATCH Uints scratch;
};

uint rows() { return p.rows * kCopies; }

// Elements k to k + 3; zeros behind the row's last.
vec4 elements(uint row, uint k) {
  vec4 own = vec4(0);
  vec4 gain = vec4(0);
  vec4 bias = vec4(0);
  if (p.k % 4 == 0) {
    if (k >= p.k) return own;
    own = four_at(x, row * p.k + k);
    if (kNormed != 0) gain = four_at(norm_weight, k);
    if (kNormed == NORMED_LAYER_BIAS) bias = normed_bias(norm_factors, rows(), k);
  } else {
    for (uint c = 0; c < 4 && k + c < p.k; ++c) {
      own[c] = x.v[row * p.k + k + c];
      if (kNormed != 0) gain[c] = norm_weight.v[k + c];
      if (kNormed == NORMED_LAYER_BIAS) bias[c] = norm_factors.v[2 * rows() + k + c];
    }
  }
  if (kNormed == 0) return own;
  return normed_four(kNormed, own, norm_factors, gain, bias, rows(), row);
}
float finite_largest(vec4 x, float largest) {
  for (uint c = 0; c < 4; ++c) {
    const float own = abs(x[c]);
    if (own > largest && floatBitsToUint(own) < 0x7f800000u) largest = own;
  }
  return largest;
}

void main() {
  const uint row = group();
  if (row >= rows()) return;
  float largest = 0;
  for (uint k = 4 * lane(); k < p.k; k += 4 * LANES)  // not unrolled: what is split below
    largest = finite_largest(elements(row, k), largest);
  largest = reduce_max(largest);
  const float factor = split_factor(floatBitsToUint(largest));
  const uint depth = split_depth(p.k);
  const uint first = (rows() + 3) / 4 * 4;
  if (lane() == 0) scratch.v[row] = floatBitsToUint(inverse_factor(factor));
  for (uint k = 4 * lane(); k < depth; k += 4 * LANES) {
    const vec4 scaled = elements(row, k) * factor;
    const uvec2 a = split_terms(scaled.x);
    const uvec2 b = split_terms(scaled.y);
    const uvec2 c = split_terms(scaled.z);
    const uvec2 d = split_terms(scaled.w);
    const uint at = (first + row * (depth / 2) + k / 2) / 2;  // in pairs of words
    const uint plane = rows() * (depth / 2) / 2;
    Narrow(uvec2(scratch)).v[at] = uvec2(a.x | (b.x << 16), c.x | (d.x << 16));
    Narrow(uvec2(scratch)).v[at + plane] = uvec2(a.y | (b.y << 16), c.y | (d.y << 16));
  }
}

#version 460
// SPDX-License-Identifier: MIT
// A workgroup a group of a row. Where kFactors, only each row's factor is written: what multiplies
// by the result computes it (linear_tiles.comp, split_rows.comp).
#include "lib/common.glsl"
#include "lib/reduce.glsl"
#include "lib/strided.glsl"

layout(constant_id = 1) const uint kFactors = 0;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Floats weight;
  SLOT(2) Floats y;
  PARAMS NormParams p;
};

void main() {
  if (group() >= p.rows * p.groups) return;
  const uint weights = p.apart != 0 ? group() % p.groups * p.dim : 0;
  const uint first = group() * p.dim;
  precise float squares = 0;
  uint d = lane();
  for (; d + 3 * LANES < p.dim; d += 4 * LANES) {
    const vec4 values = strided(x, first + d);
    squares = fma(values.x, values.x, squares);
    squares = fma(values.y, values.y, squares);
    squares = fma(values.z, values.z, squares);
    squares = fma(values.w, values.w, squares);
  }
  for (; d < p.dim; d += LANES) {
    const float value = x.v[first + d];
    squares = fma(value, value, squares);
  }
  precise float mean = reduce_add(squares) / float(p.dim) + p.eps;
  precise float scale = 1.0 / sqrt(mean);
  if (kFactors != 0) {
    if (lane() == 0) y.v[group()] = scale;
    return;
  }
  d = lane();
  for (; d + 3 * LANES < p.dim; d += 4 * LANES) {
    precise vec4 values = strided(x, first + d) * scale * strided(weight, weights + d);
    put_strided(y, first + d, values);
  }
  for (; d < p.dim; d += LANES) {
    precise float value = x.v[first + d] * scale * weight.v[weights + d];
    y.v[first + d] = value;
  }
}

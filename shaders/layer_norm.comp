#version 460
// SPDX-License-Identifier: MIT
// A workgroup a group of a row; the variance comes from the centred values. Where kFactors, not the
// result is written but what lib/normed.glsl computes it from.
#include "lib/common.glsl"
#include "lib/reduce.glsl"

layout(constant_id = 1) const uint kFactors = 0;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Floats weight;
  SLOT(2) Floats bias;
  SLOT(3) Floats y;
  PARAMS NormParams p;
};

void main() {
  if (group() >= p.rows * p.groups) return;
  const uint weights = p.apart != 0 ? group() % p.groups * p.dim : 0;
  const uint first = group() * p.dim;
  precise float sum = 0;
  for (uint d = lane(); d < p.dim; d += LANES) sum = sum + x.v[first + d];
  precise float mean = reduce_add(sum) / float(p.dim);
  precise float squares = 0;
  for (uint d = lane(); d < p.dim; d += LANES) {
    precise float centred = x.v[first + d] - mean;
    squares = fma(centred, centred, squares);
  }
  precise float variance = reduce_add(squares) / float(p.dim) + p.eps;
  precise float scale = 1.0 / sqrt(variance);
  if (kFactors != 0) {
    if (lane() == 0) {
      y.v[group()] = scale;
      y.v[p.rows + group()] = mean;
    }
    if (!present(bias)) return;
    for (uint d = group() * LANES + lane(); d < p.dim; d += p.rows * LANES)
      y.v[2 * p.rows + d] = bias.v[d];
    return;
  }
  for (uint d = lane(); d < p.dim; d += LANES) {
    precise float value = (x.v[first + d] - mean) * scale;
    if (present(weight)) value = value * weight.v[weights + d];
    if (present(bias)) value = value + bias.v[weights + d];
    y.v[first + d] = value;
  }
}

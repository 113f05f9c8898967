#version 460
// SPDX-License-Identifier: MIT
// A workgroup a group of a row; the variance comes from the centred values. Where kFactors, not the
// result is written but what lib/normed.glsl computes it from.
#include "lib/common.glsl"
#include "lib/reduce.glsl"
#include "lib/strided.glsl"

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
  uint d = lane();
  for (; d + 3 * LANES < p.dim; d += 4 * LANES) {
    const vec4 values = strided(x, first + d);
    sum = sum + values.x;
    sum = sum + values.y;
    sum = sum + values.z;
    sum = sum + values.w;
  }
  for (; d < p.dim; d += LANES) sum = sum + x.v[first + d];
  precise float mean = reduce_add(sum) / float(p.dim);
  precise float squares = 0;
  d = lane();
  for (; d + 3 * LANES < p.dim; d += 4 * LANES) {
    precise vec4 centred = strided(x, first + d) - mean;
    squares = fma(centred.x, centred.x, squares);
    squares = fma(centred.y, centred.y, squares);
    squares = fma(centred.z, centred.z, squares);
    squares = fma(centred.w, centred.w, squares);
  }
  for (; d < p.dim; d += LANES) {
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
    for (d = group() * LANES + lane(); d < p.dim; d += p.rows * LANES)
      y.v[2 * p.rows + d] = bias.v[d];
    return;
  }
  d = lane();
  for (; d + 3 * LANES < p.dim; d += 4 * LANES) {
    precise vec4 values = (strided(x, first + d) - mean) * scale;
    if (present(weight)) values = values * strided(weight, weights + d);
    if (present(bias)) values = values + strided(bias, weights + d);
    put_strided(y, first + d, values);
  }
  for (; d < p.dim; d += LANES) {
    precise float value = (x.v[first + d] - mean) * scale;
    if (present(weight)) value = value * weight.v[weights + d];
    if (present(bias)) value = value + bias.v[weights + d];
    y.v[first + d] = value;
  }
}

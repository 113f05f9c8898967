#version 460
// SPDX-License-Identifier: MIT
// Pass 0, one lane a column of a sequence: its mean, left in scratch. Pass 1, a workgroup a group of
// a sequence: one row after the other against the mean.
#include "lib/common.glsl"
#include "lib/reduce.glsl"

layout(constant_id = 2) const uint kPass = 0;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Floats less;
  SLOT(2) Floats shift;
  SLOT(3) Uints mark;
  SLOT(4) Ints offsets;
  SLOT(5) Floats y;
  PARAMS ConstancyParams p;
  SCRATCH Scratch scratch;
};

float element(uint row, uint column) {
  const uint at = row * p.groups * p.dim + column;
  precise float value = x.v[at];
  if (present(less)) value = value - less.v[at];
  if (present(shift)) value = value - shift.v[column];
  return value;
}

void mean_of_column(uint s, uint column) {
  precise float sum = 0;
  uint count = 0;
  const uint end = uint(offsets.v[s + 1]);
  for (uint row = uint(offsets.v[s]); row < end; ++row) {
    if (mark.v[row] != p.which) continue;
    ++count;
    sum = sum + element(row, column);
  }
  precise float mean = count > 0 ? sum / float(count) : 0.0;
  scratch.v[s * p.groups * p.dim + column] = floatBitsToUint(mean);
}

void compare_rows(uint s, uint g) {
  const uint first = g * p.dim;
  const uint means = s * p.groups * p.dim + first;
  precise float own = 0;
  for (uint d = lane(); d < p.dim; d += LANES) {
    const float mean = uintBitsToFloat(scratch.v[means + d]);
    own = fma(mean, mean, own);
  }
  const float centre = reduce_add(own);
  precise float square = 0;
  precise float spread = 0;
  precise float cosine = 0;
  uint count = 0;
  const uint end = uint(offsets.v[s + 1]);
  for (uint row = uint(offsets.v[s]); row < end; ++row) {
    if (mark.v[row] != p.which) continue;
    ++count;
    precise float squares = 0;
    precise float distances = 0;
    precise float products = 0;
    for (uint d = lane(); d < p.dim; d += LANES) {
      const float value = element(row, first + d);
      const float mean = uintBitsToFloat(scratch.v[means + d]);
      precise float difference = value - mean;
      squares = fma(value, value, squares);
      distances = fma(difference, difference, distances);
      products = fma(value, mean, products);
    }
    const float of_row = reduce_add(squares);
    const float distance_ = reduce_add(distances);
    const float dot_ = reduce_add(products);
    precise float norms = sqrt(of_row) * sqrt(centre);
    square = square + of_row;
    spread = spread + distance_;
    if (norms > 0) cosine = cosine + dot_ / norms;
  }
  if (lane() != 0) return;
  const uint to = (s * p.groups + g) * 4;
  const float all = float(max(count, 1));
  y.v[to] = square / all;
  y.v[to + 1] = centre;
  y.v[to + 2] = spread / all;
  y.v[to + 3] = cosine / all;
}

void main() {
  if (kPass == 0) {
    const uint width = p.groups * p.dim;
    const uint index = group() * LANES + lane();
    if (index / width < p.sequences) mean_of_column(index / width, index % width);
  } else if (group() / p.groups < p.sequences) {
    compare_rows(group() / p.groups, group() % p.groups);
  }
}

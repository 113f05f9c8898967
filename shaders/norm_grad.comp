#version 460
// SPDX-License-Identifier: MIT
// A workgroup a group of a row.
#include "lib/common.glsl"
#include "lib/reduce.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Floats weight;
  SLOT(2) Floats dy;
  SLOT(3) Floats dx;
  SLOT(4) Floats dn;
  PARAMS NormGradParams p;
};

void main() {
  if (group() >= p.rows * p.groups) return;
  const uint weights = p.apart != 0 ? group() % p.groups * p.dim : 0;
  const uint first = group() * p.dim;
  const float count = float(p.dim);
  precise float mean = 0;
  if (p.centred != 0) {
    for (uint d = lane(); d < p.dim; d += LANES) mean = mean + x.v[first + d];
    mean = reduce_add(mean) / count;
  }
  precise float squares = 0;
  for (uint d = lane(); d < p.dim; d += LANES) {
    precise float centred = x.v[first + d] - mean;
    squares = fma(centred, centred, squares);
  }
  precise float variance = reduce_add(squares) / count + p.eps;
  precise float scale = 1.0 / sqrt(variance);
  precise float along = 0;
  precise float shift = 0;
  for (uint d = lane(); d < p.dim; d += LANES) {
    precise float n = (x.v[first + d] - mean) * scale;
    precise float g = dy.v[first + d];
    dn.v[first + d] = g * n;
    if (present(weight)) g = g * weight.v[weights + d];
    along = fma(g, n, along);
    shift = shift + g;
  }
  along = reduce_add(along) / count;
  shift = p.centred != 0 ? reduce_add(shift) / count : 0.0;
  for (uint d = lane(); d < p.dim; d += LANES) {
    precise float n = (x.v[first + d] - mean) * scale;
    precise float g = dy.v[first + d];
    if (present(weight)) g = g * weight.v[weights + d];
    precise float inner = g - n * along;
    inner = inner - shift;
    dx.v[first + d] = scale * inner;
  }
}

#version 460
// SPDX-License-Identifier: MIT
// One lane an element: it reads its pair and writes its own half.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Ints positions;
  SLOT(2) Floats table;
  SLOT(3) Floats y;
  PARAMS RopeParams p;
};

void main() {
  const uint width = p.heads * p.head_dim;
  const uint i = group() * LANES + lane();
  if (i >= p.rows * width) return;
  const uint d = i % width % p.head_dim;
  if (d >= p.rotary_dim) {
    y.v[i] = x.v[i];
    return;
  }
  const uint half_ = p.rotary_dim / 2;
  const bool interleaved = p.interleaved != 0;
  const bool is_first = interleaved ? d % 2 == 0 : d < half_;
  const uint pair = interleaved ? d / 2 : d % half_;
  const uint apart = interleaved ? 1 : half_;
  const uint angle = uint(positions.v[i / width]) * p.rotary_dim + pair;
  const float cosine = table.v[angle];
  const float sine = p.back != 0 ? -table.v[angle + half_] : table.v[angle + half_];
  const float own = x.v[i];
  const float other = x.v[is_first ? i + apart : i - apart];
  precise float turned = is_first ? -(other * sine) : other * sine;
  precise float value = own * cosine + turned;
  y.v[i] = value;
}

#version 460
// SPDX-License-Identifier: MIT
// One lane an element: it reads its pair and writes its own half. Where halves are turned by each
// other and nothing else is in a head, a lane does so with four pairs.
#include "lib/common.glsl"
#include "lib/fours.glsl"

layout(constant_id = 1) const uint kFours = 0;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Ints positions;
  SLOT(2) Floats table;
  SLOT(3) Floats y;
  PARAMS RopeParams p;
};

void turn_fours() {
  const uint half_ = p.rotary_dim / 2;
  const uint pairs = p.heads * half_;
  const uint i = 4 * (group() * LANES + lane());
  if (i >= p.rows * pairs) return;
  const uint row = i / pairs;
  const uint head = i % pairs / half_;
  const uint pair = i % half_;
  const uint at = (row * p.heads + head) * p.rotary_dim + pair;
  const uint angle = uint(positions.v[row]) * p.rotary_dim + pair;
  const vec4 cosine = four_at(table, angle);
  const vec4 angles_sine = four_at(table, angle + half_);
  const vec4 sine = p.back != 0 ? -angles_sine : angles_sine;
  const vec4 left = four_at(x, at);
  const vec4 right = four_at(x, at + half_);
  precise vec4 of_right = -(right * sine);
  precise vec4 of_left = left * sine;
  precise vec4 first = left * cosine + of_right;
  precise vec4 second = right * cosine + of_left;
  put_four(y, at, first);
  put_four(y, at + half_, second);
}

void main() {
  if (kFours != 0) {
    turn_fours();
    return;
  }
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

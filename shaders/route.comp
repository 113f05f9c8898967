#version 460
// SPDX-License-Identifier: MIT
// A workgroup a row. What is not chosen yet is compared by whole numbers that are ordered as the logits
// are; a logit that is NaN is chosen where it is the first that is left, since none beats it, and else
// behind all others.
#include "lib/common.glsl"
#include "lib/math.glsl"
#include "lib/largest.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats logits;
  SLOT(1) Uints expert;
  SLOT(2) Floats weight;
  PARAMS RouteParams p;
};

shared uint chosen[TEPUI_MOST_CHOSEN];
shared float terms[TEPUI_MOST_CHOSEN];

bool is_chosen(uint e, uint count) {
  bool found = false;
  for (uint i = 0; i < count; ++i) found = found || chosen[i] == e;
  return found;
}

// Where `count` are chosen already.
uint order_of(uint e, float logit, uint count) {
  uint bits = floatBitsToUint(logit);
  if (magnitude(bits) > 0x7f800000u) {
    uint left = 0;
    while (is_chosen(left, count)) ++left;
    return e == left ? 0xffffffffu : 0;
  }
  if (bits == 0x80000000u) bits = 0;
  return bits < 0x80000000u ? bits + 0x80000000u : ~bits;
}

void main() {
  const uint row = group();
  if (row >= p.rows) return;
  const uint from = row * p.experts;
  for (uint j = 0; j < p.k; ++j) {
    uvec2 best = uvec2(0, NO_INDEX);
    for (uint e = lane(); e < p.experts; e += LANES) {
      if (is_chosen(e, j)) continue;
      const uvec2 one = uvec2(order_of(e, logits.v[from + e], j), e);
      if (beats(one, best)) best = one;
    }
    best = reduce_largest(best);
    if (lane() == 0) chosen[j] = best.y;
    barrier();
  }
  for (uint j = lane(); j < p.k; j += LANES)
    terms[j] = exp_of(logits.v[from + chosen[j]] - logits.v[from + chosen[0]]);
  barrier();
  precise float sum = 0;
  for (uint j = 0; j < p.k; ++j) sum = sum + terms[j];
  for (uint j = lane(); j < p.k; j += LANES) {
    expert.v[row * p.k + j] = chosen[j];
    weight.v[row * p.k + j] = terms[j] / sum;
  }
}

#version 460
// SPDX-License-Identifier: MIT
// One lane a row: there are few experts.
#include "lib/common.glsl"
#include "lib/math.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats logits;
  SLOT(1) Uints expert;
  SLOT(2) Floats weight;
  PARAMS RouteParams p;
};

void main() {
  const uint row = group() * LANES + lane();
  if (row >= p.rows) return;
  const uint from = row * p.experts;
  const uint to = row * p.k;
  uint chosen[TEPUI_MOST_CHOSEN];
  for (uint j = 0; j < p.k; ++j) {
    uint best = p.experts;
    for (uint e = 0; e < p.experts; ++e) {
      bool taken = false;
      for (uint i = 0; i < j; ++i) taken = taken || chosen[i] == e;
      if (!taken && (best == p.experts || logits.v[from + e] > logits.v[from + best])) best = e;
    }
    chosen[j] = best;
    expert.v[to + j] = best;
  }
  precise float sum = 0;
  float terms[TEPUI_MOST_CHOSEN];
  for (uint j = 0; j < p.k; ++j) {
    terms[j] = exp_of(logits.v[from + chosen[j]] - logits.v[from + chosen[0]]);
    sum = sum + terms[j];
  }
  for (uint j = 0; j < p.k; ++j) weight.v[to + j] = terms[j] / sum;
}

#version 460
// SPDX-License-Identifier: MIT
// For each expert the rows that chose it (lib/expert_lists.glsl), a workgroup each; a lane looks at a
// stretch of the choices, eight at a time, first to count and then to write.
#include "lib/common.glsl"
#include "lib/split.glsl"
#include "lib/expert_lists.glsl"

layout(constant_id = 1) const uint kBehindTerms = 0;
const uint kAtOnce = 8;

layout(push_constant, scalar) uniform Push {
  SLOT(2) Uints expert;
  PARAMS ExpertParams p;
  SCRATCH Uints scratch;
};

shared uint chosen_room[LANES];
shared uint earlier_room[LANES];

// The choices from i on; past the end that of no expert.
uint[kAtOnce] choices(uint i, uint end) {
  uint found[kAtOnce];
  [[unroll]] for (uint j = 0; j < kAtOnce; ++j) found[j] = expert.v[min(i + j, end - 1)];
  [[unroll]] for (uint j = 0; j < kAtOnce; ++j) found[j] = i + j < end ? found[j] : NO_INDEX;
  return found;
}

void main() {
  if (group() >= p.experts) return;
  const uint pairs = p.rows * p.chosen;
  const uint stretch = (pairs + LANES - 1) / LANES;
  const uint begin = min(lane() * stretch, pairs);
  const uint end = min(begin + stretch, pairs);
  uint chosen = 0;
  uint earlier = 0;  // choices of the experts before
  for (uint i = begin; i < end; i += kAtOnce) {
    const uint found[kAtOnce] = choices(i, end);
    [[unroll]] for (uint j = 0; j < kAtOnce; ++j) {
      if (found[j] == group()) ++chosen;
      if (found[j] < group()) ++earlier;
    }
  }
  chosen_room[lane()] = chosen;
  earlier_room[lane()] = earlier;
  barrier();
  uint first = 0;
  uint at = 0;
  for (uint i = 0; i < LANES; ++i) {
    first += earlier_room[i];
    if (i < lane()) at += chosen_room[i];
  }
  const uint lists = kBehindTerms != 0 ? split_words(expert_rows(p), p.k) : 0;
  if (lane() == 0) {
    scratch.v[lists + group()] = first;
    if (group() + 1 == p.experts) scratch.v[lists + p.experts] = pairs;
  }
  at += lists + p.experts + 1 + first;
  for (uint i = begin; i < end; i += kAtOnce) {
    const uint found[kAtOnce] = choices(i, end);
    [[unroll]] for (uint j = 0; j < kAtOnce; ++j) {
      if (found[j] == group()) scratch.v[at++] = i + j;
    }
  }
}

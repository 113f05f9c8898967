#version 460
// SPDX-License-Identifier: MIT
// First a workgroup each 4,096 elements, then one adds their sums: each lane its own, in order.
#include "lib/common.glsl"
#include "lib/reduce.glsl"

layout(constant_id = 2) const uint kPass = 0;
const uint kAtOnce = 4096;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Floats before;
  SLOT(2) Floats y;
  PARAMS SumSquaresParams p;
  SCRATCH Scratch scratch;
};

void sum_part() {
  const uint first = group() * kAtOnce;
  const uint end = min(first + kAtOnce, p.count);
  precise float sum = 0;
  for (uint i = first + lane(); i < end; i += LANES) sum = fma(x.v[i], x.v[i], sum);
  sum = reduce_add(sum);
  if (lane() == 0) scratch.v[group()] = floatBitsToUint(sum);
}

void main() {
  const uint parts = (p.count + kAtOnce - 1) / kAtOnce;
  if (kPass == 0) {
    if (group() < parts) sum_part();
    return;
  }
  if (group() != 0) return;
  precise float sum = 0;
  for (uint i = lane(); i < parts; i += LANES) sum = sum + uintBitsToFloat(scratch.v[i]);
  sum = reduce_add(sum);
  if (lane() == 0) y.v[0] = (present(before) ? before.v[0] : 0.0) + sum;
}

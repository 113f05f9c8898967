// SPDX-License-Identifier: MIT
// The threshold of above_abs, and what it gives. Needs multiply.glsl and parameters that hold
// ratio, floor and capacity.
#include "lib/threshold.glsl"

void above_give(uint s, uint place, uint value, uint index);

// The least magnitude above the threshold of this level.
uint above_limit(uint level) {
  return least_above(magnitude(level) == 0 ? floatBitsToUint(p.floor)
                                           : multiply(floatBitsToUint(p.ratio), level));
}

// By a workgroup: the places that nothing takes.
void above_clear(uint s, uint total) {
  for (uint i = total + lane(); i < p.capacity; i += LANES) above_give(s, i, 0, NO_INDEX);
}

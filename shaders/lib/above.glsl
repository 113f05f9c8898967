// SPDX-License-Identifier: MIT
// The threshold of above_abs, and what it gives. Needs multiply.glsl and parameters that hold
// ratio, floor and capacity.
void above_give(uint s, uint place, uint value, uint index);

// The least magnitude above the threshold of this level. Everything is above a negative one,
// nothing above NaN.
uint above_limit(uint level) {
  const uint threshold = magnitude(level) == 0 ? floatBitsToUint(p.floor)
                                               : multiply(floatBitsToUint(p.ratio), level);
  if (magnitude(threshold) > 0x7f800000u) return NO_INDEX;
  if (magnitude(threshold) == 0) return 1;
  return (threshold >> 31) != 0 ? 0 : threshold + 1;
}

// By a workgroup: the places that nothing takes.
void above_clear(uint s, uint total) {
  for (uint i = total + lane(); i < p.capacity; i += LANES) above_give(s, i, 0, NO_INDEX);
}

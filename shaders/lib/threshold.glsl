// SPDX-License-Identifier: MIT
// What is above a threshold, both by their bits: everything above a negative one, NaN above every
// number, nothing above NaN.

// The least magnitude above it; NO_INDEX where there is none.
uint least_above(uint threshold) {
  if (magnitude(threshold) > 0x7f800000u) return NO_INDEX;
  if (magnitude(threshold) == 0) return 1;
  return (threshold >> 31) != 0 ? 0 : threshold + 1;
}

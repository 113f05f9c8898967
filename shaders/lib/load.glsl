// SPDX-License-Identifier: MIT
// Elements of a stored tensor as the bits of f32, for the variants IN_f32, IN_f16 and IN_bf16. Done
// with integers, so that every value, NaN and subnormals among them, arrives as it is on any device.
#ifdef IN_f32
#define Elements Uints
uint load_bits(Elements from, uint i) { return from.v[i]; }
#endif

#ifdef IN_bf16
#define Elements Halves
uint load_bits(Elements from, uint i) { return uint(from.v[i]) << 16; }
#endif

#ifdef IN_f16
#define Elements Halves
uint load_bits(Elements from, uint i) {
  const uint half_ = uint(from.v[i]);
  const uint sign_ = (half_ & 0x8000u) << 16;
  const uint exponent = (half_ >> 10) & 0x1fu;
  const uint mantissa = half_ & 0x3ffu;
  if (exponent == 0x1fu) return sign_ | 0x7f800000u | (mantissa << 13);
  if (exponent != 0u) return sign_ | ((exponent + 112u) << 23) | (mantissa << 13);
  if (mantissa == 0u) return sign_;
  const uint shift = 10u - uint(findMSB(mantissa));  // a subnormal half is a normal float
  return sign_ | ((113u - shift) << 23) | (((mantissa << shift) & 0x3ffu) << 13);
}
#endif

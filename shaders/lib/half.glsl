// SPDX-License-Identifier: MIT
// A half as the bits of f32, with integers: subnormals and NaN arrive as they are on any device.
uint f16_bits(uint half_) {
  const uint sign_ = (half_ & 0x8000u) << 16;
  const uint exponent = (half_ >> 10) & 0x1fu;
  const uint mantissa = half_ & 0x3ffu;
  if (exponent == 0x1fu) return sign_ | 0x7f800000u | (mantissa << 13);
  if (exponent != 0u) return sign_ | ((exponent + 112u) << 23) | (mantissa << 13);
  if (mantissa == 0u) return sign_;
  const uint shift = 10u - uint(findMSB(mantissa));  // a subnormal half is a normal float
  return sign_ | ((113u - shift) << 23) | (((mantissa << shift) & 0x3ffu) << 13);
}

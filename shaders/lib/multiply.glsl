// SPDX-License-Identifier: MIT
// The product of two f32 by their bits, rounded to nearest even, subnormals and all: a device may
// flush subnormals, and a selection's threshold must be the same everywhere (law 1).

// A mantissa with its leading bit at 23, and its exponent.
uint normal_mantissa(uint magnitude_, out int exponent) {
  exponent = int(magnitude_ >> 23);
  const uint mantissa = magnitude_ & 0x7fffffu;
  if (exponent != 0) return mantissa | 0x800000u;
  const int shift = 23 - findMSB(mantissa);
  exponent = 1 - shift;
  return mantissa << shift;
}

uint multiply(uint a, uint b) {
  const uint sign_ = (a ^ b) & 0x80000000u;
  const uint x = a & 0x7fffffffu;
  const uint y = b & 0x7fffffffu;
  const uint infinity = 0x7f800000u;
  const uint nan = 0x7fc00000u;
  if (x > infinity || y > infinity) return nan;
  if (x == 0 || y == 0) return x == infinity || y == infinity ? nan : sign_;
  if (x == infinity || y == infinity) return sign_ | infinity;
  int exponent_x;
  int exponent_y;
  const uint mantissa_x = normal_mantissa(x, exponent_x);
  const uint mantissa_y = normal_mantissa(y, exponent_y);
  uint high;
  uint low;
  umulExtended(mantissa_x << 8, mantissa_y << 8, high, low);
  int exponent = exponent_x + exponent_y - 126;
  if ((high & 0x80000000u) == 0) {
    high = (high << 1) | (low >> 31);
    low <<= 1;
    --exponent;
  }
  const int drop = 8 + max(0, 1 - exponent);  // more where the result is subnormal
  if (drop > 32) return sign_;
  const uint kept = drop < 32 ? high >> drop : 0;
  const uint rest = drop < 32 ? high & ((1u << drop) - 1) : high;
  const uint half_way = 1u << (drop - 1);
  const bool up = rest > half_way || (rest == half_way && (low != 0 || (kept & 1u) != 0));
  const uint base = exponent > 0 ? uint(exponent - 1) << 23 : 0;
  const uint bits = exponent >= 255 ? infinity : base + kept + (up ? 1 : 0);
  return sign_ | min(bits, infinity);
}

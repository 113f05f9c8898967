// SPDX-License-Identifier: MIT
// The quotient of two f32 that are not negative by their bits, rounded to nearest even, subnormals
// and all: a device's own division may be off by 2.5 ulp. Needs multiply.glsl.
uint divide(uint x, uint y) {
  const uint infinity = 0x7f800000u;
  const uint nan = 0x7fc00000u;
  if (x > infinity || y > infinity) return nan;
  if (x == infinity || y == 0) return (x == infinity && y == infinity) || x == 0 ? nan : infinity;
  if (x == 0 || y == infinity) return 0;
  int exponent_x;
  int exponent_y;
  uint rest = normal_mantissa(x, exponent_x);
  const uint mantissa_y = normal_mantissa(y, exponent_y);
  int exponent = exponent_x - exponent_y + 127;
  if (rest < mantissa_y) {
    rest <<= 1;
    --exponent;
  }
  uint quotient = 0;  // 25 bits, the first of them 1
  for (int i = 0; i < 25; ++i) {
    const uint bit = rest >= mantissa_y ? 1 : 0;
    quotient = (quotient << 1) | bit;
    rest = (rest - bit * mantissa_y) << 1;
  }
  const int drop = 1 + max(0, 1 - exponent);  // more where the result is subnormal
  if (drop > 26) return 0;
  const uint kept = quotient >> drop;
  const uint lost = quotient & ((1u << drop) - 1);
  const uint half_way = 1u << (drop - 1);
  const bool up = lost > half_way || (lost == half_way && (rest != 0 || (kept & 1u) != 0));
  const uint base = exponent > 0 ? uint(exponent - 1) << 23 : 0;
  return min(exponent >= 255 ? infinity : base + kept + (up ? 1 : 0), infinity);
}

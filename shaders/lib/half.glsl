// SPDX-License-Identifier: MIT
// Halves as the bits of f32: subnormals and NaN arrive as they are on any device, since none of these
// floats is subnormal. Without branches, because weights pass through it.
uvec4 f16_bits(uvec4 halves) {
  const uvec4 exponent = (halves >> 10) & 0x1fu;
  const uvec4 mantissa = halves & 0x3ffu;
  const uvec4 usual = ((exponent + 112u) << 23) | (mantissa << 13);
  const uvec4 special = 0x7f800000u | (mantissa << 13);
  const uvec4 small = floatBitsToUint(vec4(mantissa) * (1.0 / 16777216.0));
  const uvec4 magnitude_ =
      mix(mix(usual, special, equal(exponent, uvec4(0x1fu))), small, equal(exponent, uvec4(0u)));
  return ((halves & 0x8000u) << 16) | magnitude_;
}
uint f16_bits(uint half_) { return f16_bits(uvec4(half_)).x; }

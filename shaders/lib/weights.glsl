// SPDX-License-Identifier: MIT
// Reads a packed matrix (lib/panels.glsl), whose elements are f32, f16 or bf16: four columns at a
// time, converted exactly. The factors behind a panel are f32 in any case, and then as long as so
// many of its rows.
#include "lib/half.glsl"
#include "lib/panels.glsl"

layout(constant_id = 6) const uint kStored = 0;  // 0: f32, 1: f16, 2: bf16
const uint kFactorLines = kStored == 0 ? 1 : 2;

layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Narrow { uvec2 v[]; };

vec4 weight_vector(uvec2 matrix, uint i) {
  if (kStored == 0) return Vectors(matrix).v[i];
  const uvec2 both = Narrow(matrix).v[i];
  const uvec4 halves = uvec4(both.x & 0xffffu, both.x >> 16, both.y & 0xffffu, both.y >> 16);
  if (kStored == 2) return uintBitsToFloat(halves << 16);
  return uintBitsToFloat(uvec4(f16_bits(halves.x), f16_bits(halves.y), f16_bits(halves.z),
                               f16_bits(halves.w)));
}

// The float that holds the factor of a panel's first column.
uint factors_at(uint vectors, uint first, uint k) {
  const uint elements = 4 * panel_at(vectors, first, k + kFactorLines, k);
  return kStored == 0 ? elements : elements / 2;
}

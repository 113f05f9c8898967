// SPDX-License-Identifier: MIT
// Reads a packed matrix (lib/panels.glsl) four columns at a time, converted exactly to f32. The
// factors behind a panel are f32 in any case, and then as long as so many of its lines.
#include "lib/half.glsl"
#include "lib/panels.glsl"

layout(constant_id = 6) const uint kStored = 0;  // 0: f32, 1: f16, 2: bf16, 3: q8_0
const uint kVectorWords = kStored == 0 ? 4 : kStored == 3 ? 1 : 2;  // of four columns in a line
const uint kFactorLines = 4 / kVectorWords;

layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Narrow { uvec2 v[]; };

// The lines of so many rows: a block of q8_0 is 34, its scale's low bytes, its scale's high bytes and
// the levels of 32 rows.
uint weight_lines(uint k) { return kStored == 3 ? k / 32 * 34 : k; }

// `base` is the place of four columns in the first line of their panel.
uint block_line(uvec2 matrix, uint base, uint width, uint k, uint line) {
  return Uints(matrix).v[base + (k / 32 * 34 + line) * width];
}

uvec4 bytes_of(uint word) { return (uvec4(word) >> uvec4(0, 8, 16, 24)) & 0xffu; }

// What the levels of the block that row k is in are multiplied by. Of other types nothing: it need
// not be asked for again before k reaches the next multiple of 32.
vec4 weight_scale(uvec2 matrix, uint base, uint width, uint k) {
  if (kStored != 3) return vec4(1);
  const uint low = block_line(matrix, base, width, k, 0);
  const uint high = block_line(matrix, base, width, k, 1);
  return uintBitsToFloat(f16_bits(bytes_of(low) | (bytes_of(high) << 8)));
}

vec4 weight_vector(uvec2 matrix, uint base, uint width, uint k, vec4 scale) {
  if (kStored == 3) {
    const int levels = int(block_line(matrix, base, width, k, 2 + k % 32));
    // 11 bits by 8: a product that f32 holds, as it stands where weights are packed as f32.
    precise vec4 w = vec4(bitfieldExtract(levels, 0, 8), bitfieldExtract(levels, 8, 8),
                          bitfieldExtract(levels, 16, 8), bitfieldExtract(levels, 24, 8)) *
                     scale;
    return w;
  }
  const uint i = base + k * width;
  if (kStored == 0) return Vectors(matrix).v[i];
  const uvec2 both = Narrow(matrix).v[i];
  const uvec4 halves = uvec4(both.x & 0xffffu, both.x >> 16, both.y & 0xffffu, both.y >> 16);
  if (kStored == 2) return uintBitsToFloat(halves << 16);
  return uintBitsToFloat(f16_bits(halves));
}
vec4 weight_vector(uvec2 matrix, uint base, uint width, uint k) {
  return weight_vector(matrix, base, width, k, weight_scale(matrix, base, width, k));
}

// Where the panel of this vector begins.
uint panel_begin(uint vectors, uint first, uint k) {
  return panel_at(vectors, first, weight_lines(k), 0);
}
// Likewise, where panels have factors.
uint factored_begin(uint vectors, uint first, uint k) {
  return panel_at(vectors, first, weight_lines(k) + kFactorLines, 0);
}
// The float that holds the factor of a panel's first column.
uint factors_at(uint vectors, uint first, uint k) {
  const uint lines = weight_lines(k);
  return kVectorWords * panel_at(vectors, first, lines + kFactorLines, lines);
}

// variants: TILE=few|small|large
#version 460
// SPDX-License-Identifier: MIT
// `linear` on matrix units: a tile of lib/matrix_tile.glsl.
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "lib/common.glsl"
#include "lib/math.glsl"
#include "lib/weights.glsl"
#include "lib/split.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) uvec2 weight;  // with factors
  SLOT(2) Floats bias;
  SLOT(3) Floats residual;
  SLOT(4) Floats y;
  PARAMS LinearParams p;
  SCRATCH Uints terms;  // of split_rows.comp, then those of split_weights.comp
};

#include "lib/matrix_tile.glsl"

uint row;  // the tile's first
uint rows_of_x() { return p.rows; }
uint row_brought(uint i, uint r) { return min(row + r, p.rows - 1); }
uint matrix_begin() { return 0; }
bool row_there(uint r) { return row + r < p.rows; }

void finish(uint r, uint n, float sum, float factor) {
  precise float value = sum * uintBitsToFloat(terms.v[row + r]);
  value = value * factor;
  if (present(bias)) value = value + bias.v[n];
  if (p.act != TEPUI_ACT_NONE) value = activate(p.act, value);
  if (present(residual)) value = residual.v[(row + r) * p.n + n] + value;
  y.v[(row + r) * p.n + n] = value;
}

void main() {
  row = group() / tiles_across(p.n) * kRows;
  column = group() % tiles_across(p.n) * kColumns;
  if (row < p.rows) multiply_tile();
}

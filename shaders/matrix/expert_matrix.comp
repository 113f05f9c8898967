// variants: TILE=few|small|large
#version 460
// SPDX-License-Identifier: MIT
// `expert_linear` on matrix units: a tile of lib/matrix_tile.glsl, whose rows are those that one
// expert was chosen for. It has the bits of linear_matrix.comp.
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "lib/common.glsl"
#include "lib/math.glsl"
#include "lib/weights.glsl"
#include "lib/split.glsl"
#include "lib/expert_lists.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) uvec2 weight;  // with factors
  SLOT(2) Uints expert;
  SLOT(3) Floats y;
  PARAMS ExpertParams p;
  SCRATCH Uints terms;  // of split_rows.comp, then the lists
};

#include "lib/matrix_tile.glsl"
#include "lib/expert_rows.glsl"

uint own_rows[AHEAD];  // of x, that this lane brings elements of
uint rows_of_x() { return expert_rows(p); }
uint row_brought(uint i, uint r) { return own_rows[i]; }
uint matrix_begin() { return matrix_at(weight_lines(p.k) + kFactorLines); }
bool row_there(uint r) { return there(r); }

void finish(uint r, uint n, float sum, float factor) {
  precise float value = sum * uintBitsToFloat(terms.v[row_of_x(r)]);
  value = value * factor;
  y.v[row_of_y(r) * p.n + n] = value;
}

void main() {
  column = group() % tiles_across(p.n) * kColumns;
  const uint lists = split_words(rows_of_x(), p.k);
  if (!find_rows(terms, lists, group() / tiles_across(p.n))) return;
  // Where there is none, one that is there: what comes of it is not written.
  EACH(i, kAllX) {
    const uint r = line_brought(i) % kRows;
    own_rows[i] = row_of_x(there(r) ? r : 0);
  }
  multiply_tile();
}

#version 460
// SPDX-License-Identifier: MIT
// `expert_linear` of many rows: a tile of lib/linear_tiles.glsl, whose rows are those that one expert
// was chosen for.
#include "lib/common.glsl"
#include "lib/weights.glsl"
#include "lib/linear_tiles.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) uvec2 weight;  // per expert, see lib/panels.glsl
  SLOT(2) Uints expert;
  SLOT(3) Floats y;
  PARAMS ExpertParams p;
  SCRATCH Uints lists;
};

#include "lib/expert_rows.glsl"

uint own_rows[kLoadsX];  // of x, that this lane brings elements of
float load_x(uint i, uint k) { return x.v[own_rows[i] * p.k + k]; }
float stored_x(uint i, float x) { return x; }
void load_shared(uint k) {}

void main() {
  const uint across = tiles_across(p.n);
  const uint tile = group() % across;
  if (!find_rows(lists, 0, group() / across)) return;
  // Where there is none, one that is there: what comes of it is not written.
  [[unroll]] for (uint i = 0; i < kLoadsX; ++i) {
    const uint r = min(row_brought(i), kRows - 1);
    own_rows[i] = row_of_x(there(r) ? r : 0);
  }
  multiply_tile(weight, matrix_at(weight_lines(p.k)), p.n, p.k, tile);
  vec4 value[8];  // a copy: what follows may reach it by an index
  [[unroll]] for (uint i = 0; i < 8; ++i) value[i] = sum[i];
  for (uint i = 0; i < 8; ++i) {
    const uint r = row_of(i);
    const uint n = column_of(tile, i % 2);
    for (uint c = 0; c < 4 && there(r) && n + c < p.n; ++c)
      y.v[row_of_y(r) * p.n + n + c] = value[i][c];
  }
}

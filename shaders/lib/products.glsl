// SPDX-License-Identifier: MIT
// `linear` on matrix units: f16 products, f32 sums. Both operands are three halves for each element
// (lib/split.glsl): the rows of x by split_rows.comp, the weights here, on their way to shared
// memory. Of the nine products of terms the six that f32 would notice are summed, by their weight in
// three accumulators; where a slice's weights have no second or third term (f16 weights have none)
// the products with it are left out, which changes no bit. The order of the sums follows from k
// alone: a row has the same bits in any tile (law 2).
//
// With EXPERTS it is `expert_linear`: the rows of a tile are those that one expert was chosen for, by
// the lists of expert_lists.comp, and it does with them what `linear` does.
//
// A workgroup computes kSide x kSide blocks of kWide x kWide matrices, a subgroup a block at a time.
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "lib/common.glsl"
#include "lib/math.glsl"
#include "lib/weights.glsl"
#include "lib/split.glsl"
#ifdef EXPERTS
#include "lib/expert_lists.glsl"
#endif

layout(constant_id = 1) const uint kM = 16;
layout(constant_id = 2) const uint kN = 16;
layout(constant_id = 3) const uint kK = 16;
layout(constant_id = 4) const uint kWide = 1;
const uint kMostWide = 2;  // arrays are as long: compilers put others into memory
const uint kSide = 2;
const uint kRows = kM * kWide * kSide;
const uint kColumns = kN * kWide * kSide;
const uint kDepth = 16;  // of a slice
// Halves lie in shared memory by eight, since matrices are loaded from where 16 bytes begin, and
// nothing else aligns an array to them.
const uint kPitchX = kDepth / 8 + 1;
const uint kPitchW = kColumns / 8 + 1;
const bool kOneTerm = kStored == 1;  // as f16 weights are
const float kShift = 1.0 / kTermShift;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) uvec2 weight;  // with factors
#ifdef EXPERTS
  SLOT(2) Uints expert;
  SLOT(3) Floats y;
  PARAMS ExpertParams p;
#else
  SLOT(2) Floats bias;
  SLOT(3) Floats residual;
  SLOT(4) Floats y;
  PARAMS LinearParams p;
#endif
  SCRATCH Uints terms;  // of split_rows.comp
};

layout(buffer_reference, scalar, buffer_reference_align = 16) buffer Eights { uvec4 v[]; };

shared uvec4 room_x[3 * kRows * kPitchX];
shared uvec4 room_w[3 * kDepth * kPitchW];
shared float room_y[kSide * kSide * kM * kN];
shared float factor[kColumns];
shared uint used[2];  // which terms a slice's weights have, of this slice and of the next

#define SUMS coopmat<float, gl_ScopeSubgroup, kM, kN, gl_MatrixUseAccumulator>
#define TERM_X coopmat<float16_t, gl_ScopeSubgroup, kM, kK, gl_MatrixUseA>
#define TERM_W coopmat<float16_t, gl_ScopeSubgroup, kK, kN, gl_MatrixUseB>

// The rows of a tile, in x and in y.
#ifdef EXPERTS
shared uint pair_of[kRows];  // a row and one of its experts; NO_INDEX: none
shared uvec3 tile_of;        // expert, first place in its list, end of the list
bool there(uint r) { return pair_of[r] != NO_INDEX; }
uint row_of_y(uint r) { return pair_of[r]; }
uint row_of_x(uint r) { return p.own != 0 ? pair_of[r] : pair_of[r] / p.chosen; }
uint rows_of_x() { return expert_rows(p); }

// False: the grid has room for more tiles than these choices make.
bool find_rows(uint tile) {
  const uint lists = lists_at(p);
  if (lane() == 0) {
    tile_of = uvec3(NO_INDEX, 0, 0);
    uint before = 0;
    for (uint e = 0; e < p.experts; ++e) {
      const uint begin = terms.v[lists + e];
      const uint end = terms.v[lists + e + 1];
      const uint tiles = (end - begin + kRows - 1) / kRows;
      if (tile >= before && tile - before < tiles)
        tile_of = uvec3(e, begin + (tile - before) * kRows, end);
      before += tiles;
    }
  }
  barrier();
  if (tile_of.x == NO_INDEX) return false;
  for (uint r = lane(); r < kRows; r += LANES) {
    const uint place = tile_of.y + r;
    pair_of[r] = place < tile_of.z ? terms.v[lists + p.experts + 1 + place] : NO_INDEX;
  }
  return true;
}
// In vectors.
uint matrix_at() { return tile_of.x * (weight_lines(p.k) + kFactorLines) * ((p.n + 3) / 4); }
#else
uint first_row;
bool there(uint r) { return first_row + r < p.rows; }
uint row_of_y(uint r) { return first_row + r; }
uint row_of_x(uint r) { return first_row + r; }
uint rows_of_x() { return p.rows; }
bool find_rows(uint tile) {
  first_row = tile * kRows;
  return first_row < p.rows;
}
uint matrix_at() { return 0; }
#endif

void load_x(uint from) {
  const uint eights = (p.k + 15) / 16 * 2;
  const uint first = (rows_of_x() + 3) / 4;
  for (uint e = lane(); e < 3 * kRows * kDepth / 8; e += LANES) {
    const uint at = e % (kDepth / 8);
    const uint line = e / (kDepth / 8);  // of all terms
    const uint t = line / kRows;
    const uint r = line % kRows;
    const uint from_row = first + (t * rows_of_x() + row_of_x(r)) * eights;
    room_x[line * kPitchX + at] =
        there(r) ? Eights(uvec2(terms)).v[from_row + from / 8 + at] : uvec4(0);
  }
}

void load_w(uint column, uint from, uint slice) {
  const uint vectors = (p.n + 3) / 4;
  const uint first = column / (4 * PANEL) * PANEL;
  const uint width = panel_width(vectors, first);
  const uint base = matrix_at() + factored_begin(vectors, first, p.k) + column / 4 - first;
  uint found = 0;
  for (uint e = lane(); e < kDepth * kColumns / 8; e += LANES) {
    const uint k = e / (kColumns / 8);
    const uint v8 = e % (kColumns / 8);
    uvec4 eight[3];
    eight[0] = eight[1] = eight[2] = uvec4(0);
    [[unroll]] for (uint h = 0; h < 2; ++h) {
      const uint v4 = 2 * v8 + h;
      const bool there = from + k < p.k && column / 4 + v4 < vectors;
      const vec4 w = there ? weight_vector(weight, base + v4, width, from + k) : vec4(0);
      [[unroll]] for (uint c = 0; c < 4; ++c) {
        const uvec3 t = split_terms(w[c] * factor[4 * v4 + c]);
        [[unroll]] for (uint i = 0; i < 3; ++i) eight[i][2 * h + c / 2] |= t[i] << (16 * (c % 2));
      }
    }
    room_w[k * kPitchW + v8] = eight[0];
    if (kOneTerm) continue;
    room_w[(kDepth + k) * kPitchW + v8] = eight[1];
    room_w[(2 * kDepth + k) * kPitchW + v8] = eight[2];
    const uvec2 some = uvec2(eight[1].x | eight[1].y | eight[1].z | eight[1].w,
                             eight[2].x | eight[2].y | eight[2].z | eight[2].w);
    found |= ((some.x & 0x7fff7fffu) != 0 ? 2u : 0u) | ((some.y & 0x7fff7fffu) != 0 ? 4u : 0u);
  }
  if (found != 0) atomicOr(used[slice & 1], found);
}

void finish(uint r, uint n, float sum) {
  const uint row = row_of_y(r);
  precise float value = sum * uintBitsToFloat(terms.v[row_of_x(r)]);
  value = value * inverse_factor(factor[n % kColumns]);
#ifndef EXPERTS
  if (present(bias)) value = value + bias.v[n];
  if (p.act != TEPUI_ACT_NONE) value = activate(p.act, value);
  if (present(residual)) value = residual.v[row * p.n + n] + value;
#endif
  y.v[row * p.n + n] = value;
}

void main() {
  const uint across = (p.n + kColumns - 1) / kColumns;
  const uint column = group() % across * kColumns;
  if (!find_rows(group() / across)) return;
  const uint vectors = (p.n + 3) / 4;
  const uint first = column / (4 * PANEL) * PANEL;  // kColumns divide a panel
  const uint matrix = matrix_at() * kVectorWords;  // in floats
  const uint factors = matrix + factors_at(vectors, first, p.k) + column - 4 * first;
  for (uint c = lane(); c < kColumns; c += LANES) {
    const bool there = column / 4 + c / 4 < vectors;
    factor[c] = there ? Floats(weight).v[factors + c] : 1.0;
  }
  if (lane() < 2) used[lane()] = 0;
  barrier();
  // One round where there is a subgroup for every block.
  for (uint round = 0; round < kSide * kSide; round += gl_NumSubgroups) {
    const uint block = round + gl_SubgroupID;
    const bool works = block < kSide * kSide;
    const uint top = min(block / kSide, kSide - 1) * kM * kWide;
    const uint left = block % kSide * kN * kWide;
    SUMS sum[3 * kMostWide * kMostWide];
    [[unroll]] for (uint i = 0; i < 3 * kMostWide * kMostWide; ++i) sum[i] = SUMS(0.0);
    uint slice = 0;
    for (uint from = 0; from < p.k; from += kDepth, ++slice) {
      barrier();
      load_x(from);
      load_w(column, from, slice);
      if (lane() == 0) used[(slice + 1) & 1] = 0;
      barrier();
      const uint have = kOneTerm ? 0 : used[slice & 1];
      if (!works) continue;
      [[unroll]] for (uint k = 0; k < kDepth; k += kK) {
        [[unroll]] for (uint j = 0; j < kWide; ++j) {
          const uint at = k * kPitchW + (left + j * kN) / 8;
          const uint plane = kDepth * kPitchW;
          TERM_W w0;
          TERM_W w1;
          TERM_W w2;
          coopMatLoad(w0, room_w, at, kPitchW, gl_CooperativeMatrixLayoutRowMajor);
          if ((have & 2u) != 0)
            coopMatLoad(w1, room_w, plane + at, kPitchW, gl_CooperativeMatrixLayoutRowMajor);
          if ((have & 4u) != 0)
            coopMatLoad(w2, room_w, 2 * plane + at, kPitchW, gl_CooperativeMatrixLayoutRowMajor);
          [[unroll]] for (uint i = 0; i < kWide; ++i) {
            const uint s = 3 * (i * kWide + j);
            const uint of_x = (top + i * kM) * kPitchX + k / 8;
            TERM_X x0;
            TERM_X x1;
            TERM_X x2;
            coopMatLoad(x0, room_x, of_x, kPitchX, gl_CooperativeMatrixLayoutRowMajor);
            coopMatLoad(x1, room_x, kRows * kPitchX + of_x, kPitchX,
                        gl_CooperativeMatrixLayoutRowMajor);
            coopMatLoad(x2, room_x, 2 * kRows * kPitchX + of_x, kPitchX,
                        gl_CooperativeMatrixLayoutRowMajor);
            sum[s] = coopMatMulAdd(x0, w0, sum[s]);
            sum[s + 1] = coopMatMulAdd(x1, w0, sum[s + 1]);
            sum[s + 2] = coopMatMulAdd(x2, w0, sum[s + 2]);
            if ((have & 2u) != 0) {
              sum[s + 1] = coopMatMulAdd(x0, w1, sum[s + 1]);
              sum[s + 2] = coopMatMulAdd(x1, w1, sum[s + 2]);
            }
            if ((have & 4u) != 0) sum[s + 2] = coopMatMulAdd(x0, w2, sum[s + 2]);
          }
        }
      }
    }
    [[unroll]] for (uint i = 0; i < kWide * kWide; ++i) {
      barrier();
      if (works) {
        const SUMS low = sum[3 * i + 2] * kShift + sum[3 * i + 1];
        coopMatStore(low * kShift + sum[3 * i], room_y, block * kM * kN, kN,
                     gl_CooperativeMatrixLayoutRowMajor);
      }
      barrier();
      for (uint e = gl_SubgroupInvocationID; works && e < kM * kN; e += gl_SubgroupSize) {
        const uint r = top + i / kWide * kM + e / kN;
        const uint n = column + left + i % kWide * kN + e % kN;
        if (there(r) && n < p.n) finish(r, n, room_y[block * kM * kN + e]);
      }
    }
  }
}

#version 460
// SPDX-License-Identifier: MIT
// `expert_linear` on matrix units: products and sums as in linear_matrix.comp, which it gives the bits
// of. The rows of a tile are those that one expert was chosen for, by the lists of expert_lists.comp.
// The weights are split on their way to shared memory.
//
// A workgroup computes kSide x kSide blocks of kWide x kWide matrices, a subgroup a block at a time.
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
const uint kTermsW = kStored == 1 ? 1 : 2;  // f16 weights are halves

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) uvec2 weight;  // with factors
  SLOT(2) Uints expert;
  SLOT(3) Floats y;
  PARAMS ExpertParams p;
  SCRATCH Uints terms;  // of split_rows.comp
};

layout(buffer_reference, scalar, buffer_reference_align = 16) buffer Eights { uvec4 v[]; };

shared uvec4 room_x[2 * kRows * kPitchX];
shared uvec4 room_w[kTermsW * kDepth * kPitchW];
shared vec4 room_y[kSide * kSide * kM * kN / 4];
shared float factor[kColumns];

#define SUMS coopmat<float, gl_ScopeSubgroup, kM, kN, gl_MatrixUseAccumulator>
#define TERM_X coopmat<float16_t, gl_ScopeSubgroup, kM, kK, gl_MatrixUseA>
#define TERM_W coopmat<float16_t, gl_ScopeSubgroup, kK, kN, gl_MatrixUseB>

#include "lib/expert_rows.glsl"
uint rows_of_x() { return expert_rows(p); }
uint matrix_begin() { return matrix_at(weight_lines(p.k) + kFactorLines); }

void load_x(uint from) {
  const uint eights = split_depth(p.k) / 8;
  const uint first = (rows_of_x() + 3) / 4;
  for (uint e = lane(); e < 2 * kRows * kDepth / 8; e += LANES) {
    const uint at = e % (kDepth / 8);
    const uint line = e / (kDepth / 8);  // of both terms
    const uint t = line / kRows;
    const uint r = line % kRows;
    const uint from_row = first + (t * rows_of_x() + row_of_x(r)) * eights;
    room_x[line * kPitchX + at] =
        there(r) ? Eights(uvec2(terms)).v[from_row + from / 8 + at] : uvec4(0);
  }
}

void load_w(uint column, uint from) {
  const uint vectors = (p.n + 3) / 4;
  const uint first = column / (4 * PANEL) * PANEL;
  const uint width = panel_width(vectors, first);
  const uint base = matrix_begin() + factored_begin(vectors, first, p.k) + column / 4 - first;
  for (uint e = lane(); e < kDepth * kColumns / 8; e += LANES) {
    const uint k = e / (kColumns / 8);
    const uint v8 = e % (kColumns / 8);
    uvec4 high = uvec4(0);
    uvec4 low = uvec4(0);
    const bool beyond = from + k >= p.k || column / 4 + 2 * v8 >= vectors;
    const bool split = kStored == 0 && vectors % 2 == 0;  // by pack_split.comp
    if (split && !beyond) {
      const uint at = base + (from + k) * width + 2 * v8;
      high = Eights(weight).v[at];
      low = Eights(weight).v[at + 1];
    }
    [[unroll]] for (uint h = 0; h < 2; ++h) {
      if (split) continue;
      const uint v4 = 2 * v8 + h;
      const bool there = from + k < p.k && column / 4 + v4 < vectors;
      const vec4 w = there ? weight_vector(weight, base + v4, width, from + k) : vec4(0);
      [[unroll]] for (uint c = 0; c < 4; ++c) {
        const uvec2 t = split_terms(w[c] * factor[4 * v4 + c]) << (16 * (c % 2));
        high[2 * h + c / 2] |= t.x;
        low[2 * h + c / 2] |= t.y;
      }
    }
    room_w[k * kPitchW + v8] = high;
    if (kTermsW == 2) room_w[(kDepth + k) * kPitchW + v8] = low;
  }
}

void finish(uint r, uint n, float sum) {
  const uint row = row_of_y(r);
  precise float value = sum * uintBitsToFloat(terms.v[row_of_x(r)]);
  value = value * inverse_factor(factor[n % kColumns]);
  y.v[row * p.n + n] = value;
}

void main() {
  const uint across = (p.n + kColumns - 1) / kColumns;
  const uint column = group() % across * kColumns;
  if (!find_rows(terms, split_words(rows_of_x(), p.k), group() / across)) return;
  const uint vectors = (p.n + 3) / 4;
  const uint first = column / (4 * PANEL) * PANEL;  // kColumns divide a panel
  const uint matrix = matrix_begin() * kVectorWords;  // in floats
  const uint factors = matrix + factors_at(vectors, first, p.k) + column - 4 * first;
  for (uint c = lane(); c < kColumns; c += LANES) {
    const bool there = kFactorLines != 0 && column / 4 + c / 4 < vectors;
    factor[c] = there ? Floats(weight).v[factors + c] : 1.0;
  }
  barrier();
  // One round where there is a subgroup for every block.
  for (uint round = 0; round < kSide * kSide; round += gl_NumSubgroups) {
    const uint block = round + gl_SubgroupID;
    const bool works = block < kSide * kSide;
    const uint top = min(block / kSide, kSide - 1) * kM * kWide;
    const uint left = block % kSide * kN * kWide;
    SUMS sum0[kMostWide * kMostWide];
    SUMS sum1[kMostWide * kMostWide];
    [[unroll]] for (uint i = 0; i < kMostWide * kMostWide; ++i) {
      sum0[i] = SUMS(0.0);
      sum1[i] = SUMS(0.0);
    }
    for (uint from = 0; from < p.k; from += kDepth) {
      barrier();
      load_x(from);
      load_w(column, from);
      barrier();
      if (!works) continue;
      [[unroll]] for (uint k = 0; k < kDepth; k += kK) {
        [[unroll]] for (uint j = 0; j < kWide; ++j) {
          const uint at = k * kPitchW + (left + j * kN) / 8;
          TERM_W w0;
          TERM_W w1;
          coopMatLoad(w0, room_w, at, kPitchW, gl_CooperativeMatrixLayoutRowMajor);
          if (kTermsW == 2)
            coopMatLoad(w1, room_w, kDepth * kPitchW + at, kPitchW,
                        gl_CooperativeMatrixLayoutRowMajor);
          [[unroll]] for (uint i = 0; i < kWide; ++i) {
            const uint s = i * kWide + j;
            const uint of_x = (top + i * kM) * kPitchX + k / 8;
            TERM_X x0;
            TERM_X x1;
            coopMatLoad(x0, room_x, of_x, kPitchX, gl_CooperativeMatrixLayoutRowMajor);
            coopMatLoad(x1, room_x, kRows * kPitchX + of_x, kPitchX,
                        gl_CooperativeMatrixLayoutRowMajor);
            sum0[s] = coopMatMulAdd(x0, w0, sum0[s]);
            sum1[s] = coopMatMulAdd(x1, w0, sum1[s]);
            if (kTermsW == 2) sum1[s] = coopMatMulAdd(x0, w1, sum1[s]);
          }
        }
      }
    }
    [[unroll]] for (uint i = 0; i < kWide * kWide; ++i) {
      barrier();
      if (works) {
        const SUMS sum = sum1[i] * (1.0 / kTermShift) + sum0[i];
        coopMatStore(sum, room_y, block * kM * kN / 4, kN / 4, gl_CooperativeMatrixLayoutRowMajor);
      }
      barrier();
      for (uint e = gl_SubgroupInvocationID; works && e < kM * kN; e += gl_SubgroupSize) {
        const uint r = top + i / kWide * kM + e / kN;
        const uint n = column + left + i % kWide * kN + e % kN;
        if (there(r) && n < p.n) finish(r, n, room_y[block * kM * kN / 4 + e / 4][e % 4]);
      }
    }
  }
}

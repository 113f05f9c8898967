#version 460
// SPDX-License-Identifier: MIT
// `linear` with f16 weights on matrices of whole workgroups (NV_cooperative_matrix2): products and
// sums as in matrix/linear_matrix.comp, but who holds which element, and what passes through shared
// memory, is the driver's choice. The rows of x come as two halves for each element from
// split_rows.comp; the weights are halves and need neither terms nor a factor. What lies beyond the rows, the columns or k is read as 0 and is
// not written.
//
// A workgroup computes kM x kN results. The order of the sums follows from k alone (law 2).
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_NV_cooperative_matrix2 : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "lib/common.glsl"
#include "lib/math.glsl"
#include "lib/panels.glsl"
#include "lib/split.glsl"

layout(constant_id = 1) const uint kM = 128;
layout(constant_id = 2) const uint kN = 128;  // divides a panel's columns
layout(constant_id = 3) const uint kK = 32;

layout(buffer_reference, scalar, buffer_reference_align = 16) buffer Matrix { float16_t v[]; };

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Matrix weight;
  SLOT(2) Floats bias;
  SLOT(3) Floats residual;
  SLOT(4) Floats y;
  PARAMS LinearParams p;
  SCRATCH Uints terms;  // of split_rows.comp
};

#define SUMS coopmat<float, gl_ScopeWorkgroup, kM, kN, gl_MatrixUseAccumulator>
#define TERM_X coopmat<float16_t, gl_ScopeWorkgroup, kM, kK, gl_MatrixUseA>
#define TERM_W coopmat<float16_t, gl_ScopeWorkgroup, kK, kN, gl_MatrixUseB>
// Within their bounds, or with zeros beyond them, which costs a test of each element.
#define WITHIN tensorLayoutNV<2>
#define CLAMPED tensorLayoutNV<2, gl_CooperativeMatrixClampModeConstantNV>

CLAMPED clamped_layout(uint rows, uint columns) {
  CLAMPED all = createTensorLayoutNV(2, gl_CooperativeMatrixClampModeConstantNV);
  all = setTensorLayoutDimensionNV(all, rows, columns);
  return all;
}
WITHIN layout_within(uint rows, uint columns) {
  WITHIN all = createTensorLayoutNV(2);
  all = setTensorLayoutDimensionNV(all, rows, columns);
  return all;
}

float finish(const in uint r, const in uint c, const in float sum, const in uint row,
             const in uint column) {
  const uint of = row + r;
  const uint n = column + c;
  if (of >= p.rows || n >= p.n) return 0.0;
  precise float value = sum * uintBitsToFloat(terms.v[of]);
  if (present(bias)) value = value + bias.v[n];
  if (present(residual)) value = residual.v[of * p.n + n] + value;
  return value;
}
// Likewise with an activation: apart, since there is much of it for each element.
float finish_active(const in uint r, const in uint c, const in float sum, const in uint row,
                    const in uint column) {
  const uint of = row + r;
  const uint n = column + c;
  if (of >= p.rows || n >= p.n) return 0.0;
  precise float value = sum * uintBitsToFloat(terms.v[of]);
  if (present(bias)) value = value + bias.v[n];
  value = activate(p.act, value);
  if (present(residual)) value = residual.v[of * p.n + n] + value;
  return value;
}

void main() {
  const uint across = (p.n + kN - 1) / kN;
  const uint row = group() / across * kM;
  const uint column = group() % across * kN;
  if (row >= p.rows) return;
  const uint vectors = (p.n + 3) / 4;
  const uint first = column / (4 * PANEL) * PANEL;
  const uint panel = 4 * panel_at(vectors, first, p.k, 0);
  const uint width = 4 * panel_width(vectors, first);
  const uint left = column - 4 * first;  // in its panel
  const uint padded = split_depth(p.k);
  const uint plane = p.rows * padded;
  const uint of_terms = (p.rows + 3) / 4 * 8;  // behind the rows' factors
  Matrix halves = Matrix(uvec2(terms));
  SUMS sum0 = SUMS(0.0);
  SUMS sum1 = SUMS(0.0);
  TERM_W w;
  TERM_X x0;
  TERM_X x1;
  if (p.k % kK == 0 && row + kM <= p.rows && left + kN <= width && width % 8 == 0) {
    // That 16 bytes begin here and in every row is written so that the compiler sees it.
    const WITHIN of_w = layout_within(p.k, width & ~7u);
    const WITHIN of_x = layout_within(p.rows, p.k & ~31u);
    const uint from_w = panel & ~7u;
    for (uint k = 0; k < p.k; k += kK) {
      coopMatLoadTensorNV(w, weight.v, from_w, sliceTensorLayoutNV(of_w, k, kK, left, kN));
      coopMatLoadTensorNV(x0, halves.v, of_terms, sliceTensorLayoutNV(of_x, row, kM, k, kK));
      coopMatLoadTensorNV(x1, halves.v, of_terms + plane,
                          sliceTensorLayoutNV(of_x, row, kM, k, kK));
      sum0 = coopMatMulAdd(x0, w, sum0);
      sum1 = coopMatMulAdd(x1, w, sum1);
    }
  } else {
    const CLAMPED of_w = clamped_layout(p.k, width);
    const CLAMPED of_x = clamped_layout(p.rows, padded);
    for (uint k = 0; k < p.k; k += kK) {
      coopMatLoadTensorNV(w, weight.v, panel, sliceTensorLayoutNV(of_w, k, kK, left, kN));
      coopMatLoadTensorNV(x0, halves.v, of_terms, sliceTensorLayoutNV(of_x, row, kM, k, kK));
      coopMatLoadTensorNV(x1, halves.v, of_terms + plane,
                          sliceTensorLayoutNV(of_x, row, kM, k, kK));
      sum0 = coopMatMulAdd(x0, w, sum0);
      sum1 = coopMatMulAdd(x1, w, sum1);
    }
  }
  SUMS sum = sum1 * (1.0 / kTermShift) + sum0;
  if (p.act == TEPUI_ACT_NONE) coopMatPerElementNV(sum, sum, finish, row, column);
  else coopMatPerElementNV(sum, sum, finish_active, row, column);
  coopMatStoreTensorNV(sum, y.v, 0,
                       sliceTensorLayoutNV(clamped_layout(p.rows, p.n), row, kM, column, kN));
}

#version 460
// SPDX-License-Identifier: MIT
// What matrix units can do at best, for benchmarks to divide by: products of halves summed in f32, on
// registers alone, four subgroups a workgroup.
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "lib/common.glsl"

layout(constant_id = 1) const uint kM = 16;
layout(constant_id = 2) const uint kN = 16;
layout(constant_id = 3) const uint kK = 16;
#define SUMS 8

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Floats y;
  PARAMS uint count;  // rounds
};

#define SUM coopmat<float, gl_ScopeSubgroup, kM, kN, gl_MatrixUseAccumulator>
#define LEFT coopmat<float16_t, gl_ScopeSubgroup, kM, kK, gl_MatrixUseA>
#define RIGHT coopmat<float16_t, gl_ScopeSubgroup, kK, kN, gl_MatrixUseB>

void main() {
  const float16_t factor = float16_t(x.v[0]);  // not known when compiled
  const LEFT left = LEFT(factor);
  const RIGHT right = RIGHT(factor);
  SUM sum[SUMS];
  [[unroll]] for (uint i = 0; i < SUMS; ++i) sum[i] = SUM(float(i));
  for (uint round = 0; round < count; ++round) {
    [[unroll]] for (uint i = 0; i < SUMS; ++i) sum[i] = coopMatMulAdd(left, right, sum[i]);
  }
  SUM all = sum[0];
  [[unroll]] for (uint i = 1; i < SUMS; ++i) all = all + sum[i];
  const uint at = (group() * gl_NumSubgroups + gl_SubgroupID) * kM * kN;
  coopMatStore(all, y.v, at, kN, gl_CooperativeMatrixLayoutRowMajor);
}

#version 460
// SPDX-License-Identifier: MIT
// One lane an element; the slopes by the same formulas as the CPU's kernels.
#include "lib/common.glsl"
#include "lib/math.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Floats dy;
  SLOT(2) Floats factor;
  SLOT(3) Floats y;
  PARAMS ActParams p;
};

// Of x sigmoid(w), with w's own derivative; both sides of the sigmoid come from e^-|w|.
float gated_slope(float x, float w, float slope) {
  const float e = exp_of(-abs(w));
  const float inverse_ = 1.0 / (1.0 + e);
  const float small = e * inverse_;
  const float on = w < 0.0 ? small : inverse_;
  const float both = small * inverse_;
  return both == 0.0 ? on : on + both * x * slope;
}

float slope_of(uint act, float x) {
  switch (act) {
    case TEPUI_ACT_SILU: return gated_slope(x, x, 1.0);
    case TEPUI_ACT_GELU_TANH: {
      const float square = x * x;
      return gated_slope(x, 1.59576912 * fma(0.044715 * square, x, x),
                         1.59576912 * fma(0.134145, square, 1.0));
    }
    case TEPUI_ACT_GELU_ERF: {
      const float tail = half_erfc(abs(x) * 0.707106769);
      return (x < 0.0 ? tail : 1.0 - tail) + x * (0.398942292 * exp_of(-0.5 * x * x));
    }
    case TEPUI_ACT_RELU: return x <= 0.0 ? 0.0 : 1.0;
    case TEPUI_ACT_SIGMOID: {
      const float e = exp_of(-abs(x));
      const float inverse_ = 1.0 / (1.0 + e);
      return e * inverse_ * inverse_;
    }
    default: return 1.0;
  }
}

void main() {
  const uint i = group() * LANES + lane();
  if (i >= p.count) return;
  precise float dx = slope_of(p.act, x.v[i]) * dy.v[i];
  if (present(factor)) dx = dx * factor.v[i];
  y.v[i] = dx;
}

// SPDX-License-Identifier: MIT
// A bound must let honest f32 arithmetic pass, in the orders that kernels use, and must not let a
// cheaper arithmetic pass: the same kernels with operands rounded to bf16 have to fail.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/half.h"
#include "support/op_harness.h"

namespace tepui::test {
namespace {

using Floats = std::vector<float>;

Floats floats(const HostTensor& tensor) {
  const auto span = tensor.view().as<float>();
  return {span.begin(), span.end()};
}

Outputs like(const Outputs& expected, const Floats& values) {
  Outputs found = expected;
  std::memcpy(found[0].bytes.data(), values.data(), values.size() * sizeof(float));
  return found;
}

Floats to_bf16(Floats values) {
  for (float& value : values) value = f32_from_bf16(bf16_from_f32(value));
  return values;
}

Floats linear(const LinearParams& p, const Floats& x, const Floats& w, const Floats& bias) {
  Floats y;
  for (uint r = 0; r < p.rows; ++r) {
    for (uint n = 0; n < p.n; ++n) {
      float sum = 0;
      for (uint k = 0; k < p.k; ++k) sum = std::fma(x[r * p.k + k], w[n * p.k + k], sum);
      sum += bias[n];
      y.push_back(p.act == TEPUI_ACT_SILU ? sum / (1 + std::exp(-sum)) : sum);
    }
  }
  return y;
}

TEST(Bounds, Linear) {
  for (const Fill fill : {Fill::normal, Fill::massive}) {
    for (const uint act : {TEPUI_ACT_NONE, TEPUI_ACT_SILU}) {
      for (const uint k : {3U, 48U, 700U}) {
        const LinearParams p{9, 13, k, act};
        const OpData data =
            make_data({.op = OpCode::linear,
                       .in = {f32({9, k}, fill), packed(13, k, DType::f32, Fill::massive_zero),
                              f32({13}), absent()},
                       .params = ParamBytes(p)});
        const Outputs expected = run_reference(data);
        const Floats x = floats(data.tensors[0]);
        const Floats w = floats(data.tensors[1]);
        const Floats bias = floats(data.tensors[2]);
        EXPECT_EQ(compare(data, expected, like(expected, linear(p, x, w, bias))), "");
        EXPECT_NE(compare(data, expected, like(expected, linear(p, to_bf16(x), w, bias))), "");
        EXPECT_NE(compare(data, expected, like(expected, linear(p, x, to_bf16(w), bias))), "");
      }
    }
  }
}

Floats layer_norm(const NormParams& p, const Floats& x, const Floats& w, const Floats& b) {
  Floats y;
  const auto dim = static_cast<float>(p.dim);
  for (uint r = 0; r < p.rows; ++r) {
    const float* row = &x[r * p.dim];
    float sum = 0;
    for (uint d = 0; d < p.dim; ++d) sum += row[d];
    const float mean = sum / dim;
    float squares = 0;
    for (uint d = 0; d < p.dim; ++d) squares += (row[d] - mean) * (row[d] - mean);
    const float scale = 1 / std::sqrt(squares / dim + p.eps);
    for (uint d = 0; d < p.dim; ++d) y.push_back((row[d] - mean) * scale * w[d] + b[d]);
  }
  return y;
}

TEST(Bounds, LayerNorm) {
  for (const Fill fill : {Fill::normal, Fill::massive}) {
    for (const uint dim : {5U, 129U, 2000U}) {
      const NormParams p{9, dim, 1e-5F};
      const OpData data = make_data({.op = OpCode::layer_norm,
                                     .in = {f32({9, dim}, fill), f32({dim}), f32({dim})},
                                     .params = ParamBytes(p)});
      const Outputs expected = run_reference(data);
      const Floats x = floats(data.tensors[0]);
      const Floats w = floats(data.tensors[1]);
      const Floats b = floats(data.tensors[2]);
      EXPECT_EQ(compare(data, expected, like(expected, layer_norm(p, x, w, b))), "");
      EXPECT_NE(compare(data, expected, like(expected, layer_norm(p, x, w, to_bf16(b)))), "");
      // Beside a massive value the mean's error covers the rounding of all others.
      if (fill == Fill::massive) continue;
      EXPECT_NE(compare(data, expected, like(expected, layer_norm(p, to_bf16(x), w, b))), "");
    }
  }
}

Floats rms_norm(const NormParams& p, const Floats& x, const Floats& w) {
  Floats y;
  for (uint r = 0; r < p.rows; ++r) {
    float squares = 0;
    for (uint d = 0; d < p.dim; ++d) squares += x[r * p.dim + d] * x[r * p.dim + d];
    const float scale = 1 / std::sqrt(squares / static_cast<float>(p.dim) + p.eps);
    for (uint d = 0; d < p.dim; ++d) y.push_back(x[r * p.dim + d] * scale * w[d]);
  }
  return y;
}

TEST(Bounds, RmsNorm) {
  for (const Fill fill : {Fill::normal, Fill::massive}) {
    for (const uint dim : {5U, 129U, 2000U}) {
      const NormParams p{9, dim, 1e-5F};
      const OpData data = make_data({.op = OpCode::rms_norm,
                                     .in = {f32({9, dim}, fill), f32({dim})},
                                     .params = ParamBytes(p)});
      const Outputs expected = run_reference(data);
      const Floats x = floats(data.tensors[0]);
      const Floats w = floats(data.tensors[1]);
      EXPECT_EQ(compare(data, expected, like(expected, rms_norm(p, x, w))), "");
      EXPECT_NE(compare(data, expected, like(expected, rms_norm(p, to_bf16(x), w))), "");
      EXPECT_NE(compare(data, expected, like(expected, rms_norm(p, x, to_bf16(w)))), "");
    }
  }
}

// One head, one sequence, keys in one pass with a running maximum.
Floats attention(const AttentionParams& p, const Floats& q, const Floats& k, const Floats& v) {
  Floats y(q.size());
  const uint width = p.head_dim;
  for (uint i = 0; i < p.rows; ++i) {
    float largest = -INFINITY;
    float sum = 0;
    for (uint j = 0; j <= i; ++j) {
      float score = 0;
      for (uint d = 0; d < width; ++d) score = std::fma(q[i * width + d], k[j * width + d], score);
      score *= p.scale;
      const float next = std::max(largest, score);
      const float shrink = std::exp(largest - next);
      const float weight = std::exp(score - next);
      sum = sum * shrink + weight;
      for (uint d = 0; d < width; ++d) {
        y[i * width + d] = std::fma(weight, v[j * width + d], y[i * width + d] * shrink);
      }
      largest = next;
    }
    for (uint d = 0; d < width; ++d) y[i * width + d] /= sum;
  }
  return y;
}

TEST(Bounds, Attention) {
  for (const Fill qk : {Fill::normal, Fill::wide}) {
    for (const Fill fill : {Fill::normal, Fill::massive}) {
      for (const uint width : {4U, 64U}) {
        const uint rows = 100;
        const AttentionParams p{rows, 1, 1, width, 1, 1 / std::sqrt(static_cast<float>(width))};
        const OpData data =
            make_data({.op = OpCode::attention,
                       .in = {f32({rows, width}, qk), f32({rows, width}, qk),
                              f32({rows, width}, fill), i32({0, rows}), absent(), absent()},
                       .params = ParamBytes(p)});
        const Outputs expected = run_reference(data);
        const Floats q = floats(data.tensors[0]);
        const Floats k = floats(data.tensors[1]);
        const Floats v = floats(data.tensors[2]);
        EXPECT_EQ(compare(data, expected, like(expected, attention(p, q, k, v))), "");
        EXPECT_NE(compare(data, expected, like(expected, attention(p, q, k, to_bf16(v)))), "");
        // Where one key has all the weight, the scores do not show.
        if (qk == Fill::wide) continue;
        EXPECT_NE(compare(data, expected, like(expected, attention(p, to_bf16(q), k, v))), "");
      }
    }
  }
}

float act(uint act, float x) {
  switch (act) {
    case TEPUI_ACT_SILU: return x / (1 + std::exp(-x));
    case TEPUI_ACT_GELU_ERF: return 0.5F * x * (1 + std::erf(x * 0.70710678F));
    default: return 0.5F * x * (1 + std::tanh(0.79788456F * (x + 0.044715F * x * x * x)));
  }
}

TEST(Bounds, Act) {
  for (const uint code : {TEPUI_ACT_SILU, TEPUI_ACT_GELU_ERF, TEPUI_ACT_GELU_TANH}) {
    for (const Fill fill : {Fill::normal, Fill::wide, Fill::massive}) {
      const OpData data = make_data({.op = OpCode::act,
                                     .in = {f32({200, 50}, fill)},
                                     .params = ParamBytes(ActParams{10000, code})});
      const Outputs expected = run_reference(data);
      Floats y = floats(data.tensors[0]);
      for (float& value : y) value = act(code, value);
      EXPECT_EQ(compare(data, expected, like(expected, y)), "") << code;
      EXPECT_NE(compare(data, expected, like(expected, to_bf16(y))), "") << code;
    }
  }
}

TEST(Bounds, CrossEntropy) {
  for (const Fill fill : {Fill::normal, Fill::wide}) {
    const OpData data = make_data({.op = OpCode::cross_entropy,
                                   .in = {f32({5, 500}, fill), i32({0, 1, 2, 3, 4}),
                                          exact(DType::f32, {5, 3}, std::vector<double>(15, 0.5))},
                                   .params = ParamBytes(TileParams{5, 500, 0})});
    const Outputs expected = run_reference(data);
    const Floats x = floats(data.tensors[0]);
    Floats y = floats(expected[0]);
    for (uint r = 0; r < 5; ++r) {
      float sum = 0.5F * std::exp(0.5F - y[3 * r]);
      for (uint i = 0; i < 500; ++i) sum += std::exp(x[r * 500 + i] - y[3 * r]);
      y[3 * r + 1] = sum;
    }
    EXPECT_EQ(compare(data, expected, like(expected, y)), "");
    EXPECT_NE(compare(data, expected, like(expected, to_bf16(y))), "");
  }
}

}  // namespace
}  // namespace tepui::test

// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "support/op_harness.h"

namespace tepui::test {
namespace {

constexpr int kPositions = 9;

Operand table(uint rotary_dim) {
  std::vector<double> values;
  for (int t = 0; t < kPositions; ++t) {
    for (const bool sine : {false, true}) {
      for (uint i = 0; i < rotary_dim / 2; ++i) {
        const double angle = t * std::pow(1e4, -2.0 * i / rotary_dim);
        values.push_back(sine ? std::sin(angle) : std::cos(angle));
      }
    }
  }
  return exact(DType::f32, {kPositions, rotary_dim}, values);
}

OpCase rope_case(const RopeParams& p, Fill fill) {
  std::vector<double> positions;
  for (uint r = 0; r < p.rows; ++r) positions.push_back(r * 5 % kPositions);
  return {.op = OpCode::rope,
          .in = {f32({p.rows, std::int64_t{p.heads} * p.head_dim}, fill), i32(positions),
                 table(p.rotary_dim)},
          .params = ParamBytes(p)};
}

TEST(Rope, Agrees) {
  for (const uint interleaved : {0U, 1U}) {
    for (const uint rows : {0U, 1U, 13U}) {
      for (const Fill fill : {Fill::normal, Fill::massive}) {
        check_op(rope_case({rows, 1, 2, 2, interleaved}, fill));
        check_op(rope_case({rows, 3, 10, 10, interleaved}, fill));
        check_op(rope_case({rows, 3, 11, 6, interleaved}, fill));
        check_op(rope_case({rows, 4, 64, 64, interleaved}, fill));
        check_op(rope_case({rows, 2, 80, 32, interleaved}, fill));
      }
    }
    check_op(rope_case({70000, 1, 2, 2, interleaved}, Fill::normal));
  }
}

TEST(Rope, Definition) {
  const std::vector<double> x{1, 2, 3, 4, 5};
  for (const bool interleaved : {false, true}) {
    const OpData data =
        make_data({.op = OpCode::rope,
                   .in = {exact(DType::f32, {1, 5}, x), i32({1}),
                          exact(DType::f32, {2, 4}, {1, 1, 0, 0, 0, 0.5, 1, 2})},
                   .params = ParamBytes(RopeParams{1, 1, 5, 4, interleaved ? 1U : 0U})});
    const Outputs out = run_reference(data);
    const auto y = out[0].view().as<float>();
    // Pair 0 has cosine 0 and sine 1, pair 1 cosine 0.5 and sine 2.
    const std::vector<float> expected = interleaved ? std::vector<float>{-2, 1, 1.5 - 8, 2 + 6, 5}
                                                    : std::vector<float>{-3, 1 - 8, 1, 2 + 4, 5};
    EXPECT_EQ(std::vector<float>(y.begin(), y.end()), expected);
  }
}

}  // namespace
}  // namespace tepui::test

// SPDX-License-Identifier: MIT
// route, expert_linear and expert_mix: a mixture of experts.
#include <gtest/gtest.h>

#include <cmath>

#include "backend/registry.h"
#include "support/op_harness.h"
#include "support/shared_backend.h"

namespace tepui::test {
namespace {

OpCase route_case(uint rows, uint experts, uint k, Fill fill) {
  return {.op = OpCode::route,
          .in = {f32({rows, experts}, fill)},
          .params = ParamBytes(RouteParams{rows, experts, k})};
}

TEST(Route, Agrees) {
  for (const auto& [experts, k] : {std::pair{1U, 1U}, {8U, 2U}, {8U, 8U}, {60U, 4U}, {128U, 32U}}) {
    for (const uint rows : {0U, 1U, 7U, 300U}) {
      for (const Fill fill : {Fill::normal, Fill::wide, Fill::ties})
        check_op(route_case(rows, experts, k, fill));
    }
  }
}

TEST(Route, Definition) {
  OpCase op_case = route_case(2, 4, 2, Fill::normal);
  op_case.in[0] = exact(DType::f32, {2, 4}, {1, 3, 3, 2, 0, -1, -2, 0});
  const Outputs out = run_reference(make_data(op_case));
  const auto expert = out[0].view().as<std::uint32_t>();
  EXPECT_EQ(std::vector(expert.begin(), expert.end()), (std::vector<std::uint32_t>{1, 2, 0, 3}));
  for (const float weight : out[1].view().as<float>()) EXPECT_EQ(weight, 0.5F);
  op_case.in[0] = exact(DType::f32, {2, 4}, {0, std::log(3.0), -9, -9, NAN, 1, 2, 3});
  const Outputs other = run_reference(make_data(op_case));
  EXPECT_FLOAT_EQ(other[1].view().as<float>()[0], 0.75F);
  EXPECT_EQ(other[0].view().as<std::uint32_t>()[2], 0U);  // a NaN that comes first stays
}

TEST(Route, RefusesMoreThanThereAre) {
  const TensorType logits{DType::f32, {3, 4}};
  const auto found = op_of(OpCode::route).infer({&logits, 1}, ParamBytes(RouteParams{3, 4, 5}));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message, "route: expected to choose 1 to 32 of 4 experts, found 5");
}

Operand choice(uint rows, uint chosen, uint experts) {
  std::vector<double> values;
  for (uint i = 0; i < rows * chosen; ++i) values.push_back((i * 7 + i / 5) % experts);
  return exact(DType::u32, {rows, chosen}, values);
}

OpCase expert_case(ExpertParams p, Fill fill, DType stored = DType::bf16) {
  const std::int64_t width = p.own != 0 ? std::int64_t{p.chosen} * p.k : p.k;
  return {.op = OpCode::expert_linear,
          .in = {f32({p.rows, width}, fill), packed_experts(p.experts, p.n, p.k, stored),
                 choice(p.rows, p.chosen, p.experts)},
          .params = ParamBytes(p)};
}

TEST(ExpertLinear, Agrees) {
  for (const uint own : {0U, 1U}) {
    for (const uint rows : {0U, 1U, 5U, 70U}) {
      for (const Fill fill : {Fill::normal, Fill::massive}) {
        check_op(expert_case({rows, 37, 50, 5, 2, own}, fill));
        check_op(expert_case({rows, 4, 9, 3, 3, own}, fill, DType::f32));
        check_op(expert_case({rows, 65, 300, 2, 1, own}, fill, DType::f16));
      }
      if (rows == 5) check_op(expert_case({rows, 37, 64, 3, 2, own}, Fill::massive, DType::q8_0));
    }
  }
}

// An expert's result is that of a linear layer with its matrix, bit for bit.
TEST(ExpertLinear, IsLinear) {
  const ExpertParams p{6, 20, 270, 1, 1, 0};
  OpCase op_case = expert_case(p, Fill::normal, DType::f32);
  op_case.in[2] = exact(DType::u32, {6, 1}, std::vector<double>(6));
  const OpData experts = make_data(op_case);
  OpData linear = make_data({.op = OpCode::linear,
                             .in = {f32({6, 270}), packed(20, 270, DType::f32), absent(), absent()},
                             .params = ParamBytes(LinearParams{6, 20, 270, TEPUI_ACT_NONE})});
  for (const std::string& name : backends_under_test()) {
    auto backend = shared_backend(name, {.threads = 2, .isa = {}});
    ASSERT_TRUE(backend) << backend.error().message;
    EXPECT_EQ(compare_bits(run_backend(**backend, linear), run_backend(**backend, experts)), "")
        << name;
  }
}

TEST(ExpertMix, Agrees) {
  for (const auto& [rows, dim, chosen] :
       {std::tuple{0U, 4U, 2U}, {1U, 1U, 1U}, {5U, 37U, 2U}, {3U, 130U, 8U}}) {
    for (const Fill fill : {Fill::normal, Fill::massive}) {
      check_op({.op = OpCode::expert_mix,
                .in = {f32({rows, chosen * dim}, fill), f32({rows, chosen})},
                .params = ParamBytes(MixParams{rows, dim, chosen})});
    }
  }
}

TEST(ExpertMix, Definition) {
  const Outputs out = run_reference(make_data(
      {.op = OpCode::expert_mix,
       .in = {exact(DType::f32, {1, 4}, {1, 2, 10, 20}), exact(DType::f32, {1, 2}, {1, 3})},
       .params = ParamBytes(MixParams{1, 2, 2})}));
  EXPECT_EQ(out[0].view().at(0), 31);
  EXPECT_EQ(out[0].view().at(1), 62);
}

}  // namespace
}  // namespace tepui::test

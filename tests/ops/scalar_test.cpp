// SPDX-License-Identifier: MIT
// scale, clamp and softcap.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "backend/registry.h"
#include "support/op_harness.h"

namespace tepui::test {
namespace {

OpCase scalar_case(OpCode op, std::int64_t rows, std::int64_t dim, Fill fill, float value) {
  return {.op = op,
          .in = {f32({rows, dim}, fill)},
          .params = ParamBytes(ScalarParams{static_cast<uint>(rows * dim), value})};
}

TEST(Scalar, Agrees) {
  for (const OpCode op : {OpCode::scale, OpCode::clamp, OpCode::softcap}) {
    for (const auto& [rows, dim] : {std::pair{0, 4}, {1, 1}, {3, 37}, {64, 129}}) {
      for (const Fill fill : {Fill::normal, Fill::massive, Fill::wide, Fill::ties}) {
        for (const float value : {0.75F, 30.0F}) check_op(scalar_case(op, rows, dim, fill, value));
      }
    }
  }
}

// Every range in which an implementation may switch method, densely.
TEST(Scalar, SoftcapAgreesOverTheWholeRange) {
  std::vector<double> values;
  for (double x = -12; x <= 12; x += 0.003) values.push_back(x);
  for (int e = -60; e < 100; ++e) {
    for (const double m : {1.0, 1.3, 1.9}) {
      values.push_back(std::ldexp(m, e));
      values.push_back(-std::ldexp(m, e));
    }
  }
  const auto count = static_cast<std::int64_t>(values.size());
  for (const float cap : {1.0F, 50.0F}) {
    OpCase op_case = scalar_case(OpCode::softcap, count, 1, Fill::normal, cap);
    op_case.in[0] = exact(DType::f32, {count, 1}, values);
    check_op(op_case);
  }
}

TEST(Scalar, ClampLeavesWhatIsNoNumber) {
  const double infinity = std::numeric_limits<double>::infinity();
  const OpData data =
      make_data({.op = OpCode::clamp,
                 .in = {exact(DType::f32, {4}, {std::nan(""), infinity, -infinity, 2})},
                 .params = ParamBytes(ScalarParams{4, 3})});
  for (const std::string& name : backends_under_test()) {
    SCOPED_TRACE(name);
    const auto backend = make_backend(name, {}).value();
    const Outputs out = run_backend(*backend, data);
    const auto y = out[0].view().as<float>();
    EXPECT_TRUE(std::isnan(y[0]));
    EXPECT_EQ(std::vector<float>(y.begin() + 1, y.end()), (std::vector<float>{3, -3, 2}));
  }
}

TEST(Scalar, Definition) {
  const auto first = [](OpCode op, float value, std::vector<double> x) {
    const auto count = static_cast<std::int64_t>(x.size());
    const OpData data =
        make_data({.op = op,
                   .in = {exact(DType::f32, {count}, std::move(x))},
                   .params = ParamBytes(ScalarParams{static_cast<uint>(count), value})});
    const Outputs out = run_reference(data);
    std::vector<double> y;
    for (std::int64_t i = 0; i < count; ++i) y.push_back(out[0].view().at(i));
    return y;
  };
  EXPECT_EQ(first(OpCode::scale, 0.5F, {4, -8e5}), (std::vector<double>{2, -4e5}));
  EXPECT_EQ(first(OpCode::clamp, 3, {-7, 2, 9, 3}), (std::vector<double>{-3, 2, 3, 3}));
  const auto capped = first(OpCode::softcap, 30, {15, -8e5, 0});
  EXPECT_FLOAT_EQ(static_cast<float>(capped[0]), 13.863514F);
  EXPECT_EQ(capped[1], -30);
  EXPECT_EQ(capped[2], 0);
}

}  // namespace
}  // namespace tepui::test

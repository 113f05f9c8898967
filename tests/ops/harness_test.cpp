// SPDX-License-Identifier: MIT
// The harness must see what it is there for.
#include <gtest/gtest.h>

#include <cmath>

#include "support/op_harness.h"

namespace tepui::test {
namespace {

// A product whose massive channel meets a zero weight: the rest is about 1e-3.
OpData massive_linear() {
  return make_data({.op = OpCode::linear,
                    .in = {f32({4, 48}, Fill::massive),
                           packed(5, 48, DType::f32, Fill::massive_zero), absent(), absent()},
                    .params = ParamBytes(LinearParams{4, 5, 48, TEPUI_ACT_NONE})});
}

TEST(Harness, SeesAnErrorBesideAMassiveChannel) {
  const OpData data = massive_linear();
  const Outputs expected = run_reference(data);
  Outputs found = expected;
  EXPECT_EQ(compare(data, expected, found), "");
  float& value = found[0].mutable_view().as<float>()[7];
  EXPECT_LT(std::abs(value), 1) << "the massive channel must not reach the result";
  value += 1e-6F;  // a bound from the norm of the row would allow 1
  EXPECT_NE(compare(data, expected, found).find("element 7"), std::string::npos);
}

TEST(Harness, SeesALostTerm) {
  OpData data = massive_linear();
  const Outputs expected = run_reference(data);
  auto x = data.tensors[0].mutable_view().as<float>();
  for (std::size_t row = 0; row < 4; ++row) x[row * 48 + 47] = 0;
  const Outputs lost = run_reference(data);
  EXPECT_NE(compare(massive_linear(), expected, lost), "");
}

TEST(Harness, AllowsOneUlp) {
  const OpData data = massive_linear();
  const Outputs expected = run_reference(data);
  Outputs found = expected;
  for (float& value : found[0].mutable_view().as<float>()) value = std::nextafter(value, 1e9F);
  EXPECT_EQ(compare(data, expected, found), "");
  EXPECT_NE(compare_bits(expected, found), "");
}

TEST(Harness, NanAndInfinityMustBeEqual) {
  const OpData data = massive_linear();
  const Outputs expected = run_reference(data);
  Outputs found = expected;
  for (const float wrong : {NAN, INFINITY}) {
    found[0].mutable_view().as<float>()[0] = wrong;
    EXPECT_NE(compare(data, expected, found), "");
  }
}

TEST(Harness, EveryBackendIsTested) {
  EXPECT_FALSE(backends_under_test().empty());
  for (const OpCode code : all_ops()) EXPECT_NE(op_of(code).infer, nullptr) << op_of(code).name;
}

}  // namespace
}  // namespace tepui::test

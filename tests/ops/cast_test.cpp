// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "backend/registry.h"
#include "support/op_harness.h"
#include "support/shared_backend.h"

namespace tepui::test {
namespace {

TEST(Cast, Agrees) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    for (const std::int64_t count : {0, 1, 17, 1000, 70001}) {
      check_op({.op = OpCode::cast,
                .in = {{.type = {dtype, {count}}, .fill = Fill::special}},
                .params = ParamBytes(CastParams{static_cast<uint>(count)})});
    }
  }
}

TEST(Cast, AgreesForQuantisedTypes) {
  for (const DType dtype : quantised_dtypes()) {
    for (const std::int64_t rows : {1, 7, 130}) {
      check_op({.op = OpCode::cast,
                .in = {{.type = {dtype, {rows, 256}}}},
                .params = ParamBytes(CastParams{static_cast<uint>(rows * 256)})});
    }
  }
}

TEST(Cast, EveryHalfValueButNan) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    OpData data = make_data({.op = OpCode::cast,
                             .in = {{.type = {dtype, {65536}}}},
                             .params = ParamBytes(CastParams{65536})});
    const auto bits = data.tensors[0].mutable_view().as<std::uint16_t>();
    const unsigned infinity = dtype == DType::f16 ? 0x7c00U : 0x7f80U;
    for (unsigned i = 0; i < 65536; ++i) {
      bits[i] = static_cast<std::uint16_t>((i & 0x7fffU) > infinity ? 0 : i);
    }
    const Outputs expected = run_reference(data);
    for (const std::string& name : backends_under_test()) {
      auto backend = shared_backend(name, {});
      ASSERT_TRUE(backend) << backend.error().message;
      EXPECT_EQ(compare(data, expected, run_backend(**backend, data)), "") << name;
    }
  }
}

TEST(Cast, Definition) {
  const OpData data = make_data({.op = OpCode::cast,
                                 .in = {exact(DType::f16, {3}, {0.1, -65504, 6e-8})},
                                 .params = ParamBytes(CastParams{3})});
  const Outputs out = run_reference(data);
  const auto y = out[0].view().as<float>();
  EXPECT_EQ(y[0], 0x1.998p-4F);
  EXPECT_EQ(y[1], -65504);
  EXPECT_EQ(y[2], 0x1p-24F);
}

}  // namespace
}  // namespace tepui::test

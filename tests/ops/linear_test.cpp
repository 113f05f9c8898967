// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cstdlib>

#include "backend/cpu/isa.h"
#include "backend/registry.h"
#include "support/op_harness.h"

namespace tepui::test {
namespace {

struct Sizes {
  std::int64_t rows;
  std::int64_t n;
  std::int64_t k;
};

struct Epilogue {
  bool bias;
  bool residual;
  uint act;
};

OpCase linear_case(Sizes s, Operand weight, Fill x, Epilogue e) {
  return {.op = OpCode::linear,
          .in = {f32({s.rows, s.k}, x), std::move(weight), e.bias ? f32({s.n}) : absent(),
                 e.residual ? f32({s.rows, s.n}, x) : absent()},
          .params = ParamBytes(LinearParams{static_cast<uint>(s.rows), static_cast<uint>(s.n),
                                            static_cast<uint>(s.k), e.act})};
}

constexpr Sizes kSizes[] = {{0, 5, 3},     {1, 1, 1},     {1, 3, 7},      {2, 1, 48},
                            {7, 40, 33},   {17, 65, 129}, {33, 31, 1000}, {70000, 3, 2},
                            {130, 17, 16}, {3, 530, 9}};

TEST(Linear, AgreesForAllStoredTypes) {
  for (const Sizes& s : kSizes) {
    for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
      for (const bool transposed : {false, true}) {
        check_op(linear_case(s, packed(s.n, s.k, dtype, Fill::normal, transposed), Fill::normal,
                             {false, false, TEPUI_ACT_NONE}));
      }
    }
  }
}

TEST(Linear, AgreesWithEpilogues) {
  const Sizes s{11, 37, 50};
  for (uint act = TEPUI_ACT_NONE; act <= TEPUI_ACT_SIGMOID; ++act) {
    for (const bool bias : {false, true}) {
      for (const bool residual : {false, true}) {
        for (const Fill fill : {Fill::normal, Fill::massive, Fill::wide}) {
          check_op(linear_case(s, packed(s.n, s.k, DType::f32), fill, {bias, residual, act}));
        }
      }
    }
  }
}

// Asking for what is read later changes nothing about it, also where there is nothing any more.
TEST(Linear, ARowHasTheSameBitsWhetherItsWeightsAreAskedForOrNot) {
  for (const cpu::KernelTable* table : cpu::usable_kernels()) {
    for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::q8_0}) {
      const OpData data = make_data(linear_case({1, 100, 704}, packed(100, 704, dtype),
                                                Fill::massive, {true, true, TEPUI_ACT_NONE}));
      const auto run = [&](const char* asked) {
        ::setenv("TEPUI_ASK_AHEAD", asked, 1);
        const auto backend = make_backend("cpu", {.threads = 2, .isa = table->isa});
        ::unsetenv("TEPUI_ASK_AHEAD");
        return run_backend(*backend.value(), data);
      };
      const Outputs asked = run("1");
      EXPECT_EQ(compare_bits(run("0"), asked), "") << table->isa << " " << dtype_name(dtype);
      EXPECT_EQ(compare(data, run_reference(data), asked), "");
    }
  }
}

// The bound is made of what meets: with the massive channel's weight at zero it is tiny.
TEST(Linear, AgreesBesideMassiveValues) {
  for (const Sizes& s : kSizes) {
    for (const Fill weight : {Fill::normal, Fill::massive_zero}) {
      for (const DType dtype : {DType::f32, DType::bf16}) {
        check_op(linear_case(s, packed(s.n, s.k, dtype, weight), Fill::massive,
                             {true, false, TEPUI_ACT_NONE}));
      }
    }
  }
}

TEST(Linear, BoundIsTinyWhereTheMassiveChannelMeetsZero) {
  const OpData data =
      make_data(linear_case({3, 4, 60}, packed(4, 60, DType::f32, Fill::massive_zero),
                            Fill::massive, {false, false, TEPUI_ACT_NONE}));
  const Outputs expected = run_reference(data);
  const std::vector<HostView> in{data.tensors[0].view(), data.tensors[1].view(),
                                 data.tensors[2].view(), data.tensors[3].view()};
  const HostView out = expected[0].view();
  std::vector<double> bound(12);
  op_of(OpCode::linear).bound({in, {&out, 1}, 0, data.params}, bound);
  for (const double b : bound) {
    EXPECT_GT(b, 0);
    EXPECT_LT(b, 1e-6);
  }
}

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

TEST(Linear, Definition) {
  const OpData data = make_data(
      linear_case({5, 6, 9}, packed(6, 9, DType::f32), Fill::normal, {true, true, TEPUI_ACT_RELU}));
  const auto map = [&](std::size_t slot, int rows, int columns) {
    return Eigen::Map<const Matrix>(data.tensors[slot].view().as<float>().data(), rows, columns)
        .cast<double>();
  };
  Eigen::MatrixXd y = map(0, 5, 9) * map(1, 6, 9).transpose();
  y.rowwise() += Eigen::RowVectorXd(map(2, 1, 6));
  y = y.cwiseMax(0.0).eval() + map(3, 5, 6);
  const Outputs out = run_reference(data);
  for (int i = 0; i < 30; ++i) {
    EXPECT_NEAR(out[0].view().at(i), y(i / 6, i % 6), 1e-6);
  }
}

// Panels hold what the file holds; the products are those of the same values as f32, of rows alone
// and together.
void check_narrow_panels(Backend& backend, DType dtype) {
  const std::int64_t k = dtype_block(dtype).elements == 256 ? 512 : 320;
  for (const std::int64_t rows : {1, 5, 40}) {
    const OpData narrow = make_data(linear_case({rows, 37, k}, packed(37, k, dtype), Fill::massive,
                                                {true, false, TEPUI_ACT_NONE}));
    OpData wide = narrow;
    wide.types[1].dtype = DType::packed;
    wide.tensors[1] = zeros({DType::f32, {37, k}}, static_cast<std::size_t>(37 * k) * 4);
    for (std::int64_t i = 0; i < 37 * k; ++i)
      wide.tensors[1].mutable_view().as<float>()[static_cast<std::size_t>(i)] =
          static_cast<float>(narrow.tensors[1].view().at(i));
    EXPECT_EQ(compare_bits(run_backend(backend, narrow), run_backend(backend, wide)), "") << rows;
  }
  const bool as_stored =
      backend.device().backend == "vulkan" || !is_quantised(dtype) || dtype == DType::q8_0;
  const TensorType whole{packed_dtype(dtype), {512, 512}};
  const std::size_t stored = TensorType({as_stored ? dtype : DType::f32, whole.shape}).bytes();
  const std::size_t factors = 512 * sizeof(float);  // of columns, for matrix units alone
  EXPECT_GE(backend.storage_bytes(whole), stored);
  EXPECT_LE(backend.storage_bytes(whole), stored + factors);
}
TEST(Linear, NarrowPanelsGiveTheBitsOfWideOnes) {
  for (const std::string& name : backends_under_test()) {
    SCOPED_TRACE(name);
    auto backend = make_backend(name, {});
    ASSERT_TRUE(backend) << backend.error().message;
    for (DType dtype : quantised_dtypes()) {
      SCOPED_TRACE(dtype_name(dtype));
      check_narrow_panels(**backend, dtype);
    }
    for (DType dtype : {DType::f16, DType::bf16}) check_narrow_panels(**backend, dtype);
  }
}

TEST(Linear, Errors) {
  const Op& op = op_of(OpCode::linear);
  const ParamBytes params(LinearParams{12, 8, 48, TEPUI_ACT_NONE});
  Types in{
      {DType::f32, {12, 40}}, {DType::packed, {8, 48}}, TensorType::absent(), TensorType::absent()};
  EXPECT_EQ(op.infer(in, params).error().message,
            "linear: x: expected f32 [12, 48], found f32 [12, 40]");
  in[0] = {DType::f32, {12, 48}};
  EXPECT_EQ(op.infer(in, params)->front(), (TensorType{DType::f32, {12, 8}}));
  in[2] = {DType::f16, {8}};
  EXPECT_EQ(op.infer(in, params).error().message,
            "linear: bias: expected f32 [8] or none, found f16 [8]");
  in[2] = TensorType::absent();
  in[1] = TensorType::absent();
  EXPECT_EQ(op.infer(in, params).error().message,
            "linear: weight: expected packed [8, 48], found none");
  in.pop_back();
  EXPECT_EQ(op.infer(in, params).error().message, "linear: expected 4 operands, found 3");
}

}  // namespace
}  // namespace tepui::test

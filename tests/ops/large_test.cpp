// SPDX-License-Identifier: MIT
// Sizes beyond 65,535 in every direction an op has: rows, columns, sequences, and the workgroups of
// a dispatch (which devices need not take more of in a row).
#include <gtest/gtest.h>

#include <functional>
#include <numeric>

#include "support/op_harness.h"

namespace tepui::test {
namespace {

constexpr uint kMany = 70'001;
// With rows of this width, kMany of them are more than 65,535 workgroups of 64 elements.
constexpr uint kWidth = 60;
static_assert(std::uint64_t{kMany} * kWidth > std::uint64_t{65'535} * 64);

Operand rows_of(uint rows, uint dim, Fill fill = Fill::massive) { return f32({rows, dim}, fill); }

std::vector<double> counting(uint count, const std::function<double(uint)>& value) {
  std::vector<double> values(count);
  for (uint i = 0; i < count; ++i) values[i] = value(i);
  return values;
}

TEST(Large, ElementByElement) {
  const uint count = kMany * kWidth;
  const Operand x = rows_of(kMany, kWidth);
  for (const uint act : {uint{TEPUI_ACT_SILU}, uint{TEPUI_ACT_GELU_TANH}}) {
    check_op({.op = OpCode::act, .in = {x}, .params = ParamBytes(ActParams{count, act})});
    check_op({.op = OpCode::act_mul, .in = {x, x}, .params = ParamBytes(ActParams{count, act})});
  }
  check_op({.op = OpCode::add, .in = {x, x}, .params = ParamBytes(AddParams{count})});
  for (const OpCode op : {OpCode::scale, OpCode::clamp, OpCode::softcap})
    check_op({.op = op, .in = {x}, .params = ParamBytes(ScalarParams{count, 30})});
}

TEST(Large, StoredTypes) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    check_op({.op = OpCode::cast,
              .in = {{.type = {dtype, {kMany, kWidth}}, .fill = Fill::special}},
              .params = ParamBytes(CastParams{kMany * kWidth})});
    const auto embed = [&](uint rows, uint dim, uint vocabulary) {
      const Operand ids = i32(counting(rows, [&](uint r) { return (r * 37 + 5) % vocabulary; }));
      check_op({.op = OpCode::embed,
                .in = {ids, {.type = {dtype, {vocabulary, dim}}, .fill = Fill::special}},
                .params = ParamBytes(EmbedParams{rows, dim, vocabulary})});
    };
    embed(kMany, kWidth + 1, 9);
    embed(40, 3, kMany);
    embed(2, kMany, 3);
  }
}

TEST(Large, Linear) {
  const auto linear = [](uint rows, uint n, uint k, DType stored, Fill weight) {
    check_op({.op = OpCode::linear,
              .in = {rows_of(rows, k), packed(n, k, stored, weight), f32({n}), rows_of(rows, n)},
              .params = ParamBytes(LinearParams{rows, n, k, TEPUI_ACT_NONE})});
  };
  linear(4 * kMany, 3, 2, DType::f32, Fill::normal);
  linear(2, 3, kMany, DType::f32, Fill::massive_zero);
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16})
    linear(1, kMany, kWidth + 1, dtype, Fill::normal);  // and packs as many elements
  linear(2, kMany, 32, DType::q8_0, Fill::normal);
}

TEST(Large, Norms) {
  for (const OpCode op : {OpCode::rms_norm, OpCode::layer_norm}) {
    const auto norm = [&](uint rows, uint groups, uint dim) {
      OpCase one{.op = op,
                 .in = {rows_of(rows, groups * dim), f32({dim})},
                 .params = ParamBytes(NormParams{rows, dim, 1e-5F, groups, 0})};
      if (op == OpCode::layer_norm) one.in.push_back(f32({dim}));
      check_op(one);
    };
    norm(2, 1, kMany);
    norm(1, kMany, 2);
  }
  for (const OpCode op : {OpCode::l2_norm, OpCode::token_max_abs})
    check_op(
        {.op = op, .in = {rows_of(2, kMany)}, .params = ParamBytes(ReduceParams{2, kMany, 0})});
}

TEST(Large, Rope) {
  check_op({.op = OpCode::rope,
            .in = {rows_of(kMany, kWidth), i32(counting(kMany, [](uint r) { return r % 7; })),
                   f32({7, kWidth})},
            .params = ParamBytes(RopeParams{kMany, 1, kWidth, kWidth, 0})});
}

TEST(Large, Experts) {
  for (const auto& [rows, n, k] : {std::tuple{kMany, 3U, 2U}, {2U, kMany, 3U}, {2U, 3U, kMany}}) {
    const Operand chosen =
        exact(DType::u32, {rows, 1}, counting(rows, [](uint r) { return r % 2; }));
    check_op({.op = OpCode::expert_linear,
              .in = {rows_of(rows, k), packed_experts(2, n, k, DType::bf16), chosen},
              .params = ParamBytes(ExpertParams{rows, n, k, 2, 1, 0})});
  }
  check_op({.op = OpCode::route,
            .in = {rows_of(kMany, 3)},
            .params = ParamBytes(RouteParams{kMany, 3, 2})});
  check_op({.op = OpCode::expert_mix,
            .in = {rows_of(kMany, kWidth), f32({kMany, 1})},
            .params = ParamBytes(MixParams{kMany, kWidth, 1})});
}

TEST(Large, TilesOfTheVocabulary) {
  check_op({.op = OpCode::arg_max,
            .in = {rows_of(2, kMany), exact(DType::f32, {2}, {-INFINITY, 1}),
                   exact(DType::u32, {2}, {0xffffffffU, 3})},
            .params = ParamBytes(TileParams{2, kMany, 4})});
  check_op({.op = OpCode::cross_entropy,
            .in = {rows_of(2, kMany, Fill::wide), i32({70'000, 11}),
                   exact(DType::f32, {2, 3}, {-INFINITY, 0, 0, 0.5, 1, 0})},
            .params = ParamBytes(TileParams{2, kMany, 4})});
}

// Selections of rows that are wider than a block of a selection, and of many sequences. Of these
// top_k_abs is left out, which finds its values as quantile_abs does and writes them as above_abs
// does: each sequence takes it 12 KiB of bins, so many of them a software device a minute.
void check_selections(const std::vector<double>& offsets, uint dim, Fill fill, bool many) {
  const auto sequences = static_cast<uint>(offsets.size() - 1);
  const auto rows = static_cast<uint>(offsets.back());
  const Operand x = rows_of(rows, dim, fill);
  const ParamBytes select(SelectParams{rows, dim, sequences, 1});
  check_op({.op = OpCode::max_abs, .in = {x, i32(offsets)}, .params = select});
  check_op({.op = OpCode::channel_max_abs,
            .in = {x, i32(offsets)},
            .params = ParamBytes(ReduceParams{rows, dim, sequences})});
  check_op({.op = OpCode::above_abs,
            .in = {x, i32(offsets),
                   exact(DType::f32, {sequences, 1}, std::vector<double>(sequences, 0.5))},
            .params = ParamBytes(AboveParams{rows, dim, sequences, 5, 1, 0, 2, 0.75F})});
  if (!many)
    check_op({.op = OpCode::top_k_abs,
              .in = {x, i32(offsets)},
              .params = ParamBytes(SelectParams{rows, dim, sequences, 9})});
  const uint count = many ? 1 : 2;
  const Operand ranks =
      exact(DType::u32, {sequences, count},
            counting(count * sequences, [&](uint i) { return i % 2 == 0 ? dim / 2 : dim - 1; }));
  check_op({.op = OpCode::quantile_abs,
            .in = {x, i32(offsets), ranks},
            .params = ParamBytes(QuantileParams{rows, dim, sequences, count})});
}

TEST(Large, SelectionsOfWideRows) {
  for (const Fill fill : {Fill::massive, Fill::ties})
    check_selections({0, 1, 1, 3}, kMany, fill, false);
}

TEST(Large, SelectionsOfManySequences) {
  check_selections(counting(kMany + 1, [](uint i) { return i; }), 2, Fill::massive, true);
}

}  // namespace
}  // namespace tepui::test

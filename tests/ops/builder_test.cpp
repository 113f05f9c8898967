// SPDX-License-Identifier: MIT
#include "ops/builder.h"

#include <gtest/gtest.h>

#include "ops/print.h"

namespace tepui {
namespace {

TEST(Builder, MakesABlock) {
  Builder b;
  const Value x = b.input({DType::f32, {5, 8}}, "resid_pre");
  const Value offsets = b.input({DType::i32, {3}}, "offsets");
  const Value gain = b.weight({DType::f32, {8}}, "norm");
  const Value w = b.weight({DType::packed, {8, 8}}, "w");
  const Value normed = b.rms_norm(x, gain, 1e-5F, "attn_in");
  const Value q = b.linear(normed, w, kNone, kNone, TEPUI_ACT_NONE, "q");
  const Value z = b.attention(q, q, q, offsets, kNone, {2, 2, 4, 0.5F}, "z");
  const Value out = b.linear(z, w, kNone, x, TEPUI_ACT_SILU, "resid_mid");
  const auto top = b.top_k_abs(out, offsets, 3, "top");
  for (const Value value : {out, top.value, top.index}) b.mark_output(value);
  const auto program = b.finish();
  ASSERT_TRUE(program) << program.error().message;
  EXPECT_EQ(print_program(*program),
            "input %0 resid_pre: f32 [5, 8]\n"
            "input %1 offsets: i32 [3]\n"
            "weight %2 norm: f32 [8]\n"
            "weight %3 w: packed [8, 8]\n"
            "%4 attn_in: f32 [5, 8] = rms_norm(%0 resid_pre, %2 norm) eps=1e-05\n"
            "%5 q: f32 [5, 8] = linear(%4 attn_in, %3 w, -, -)\n"
            "%6 z: f32 [5, 8] = attention(%5 q, %5 q, %5 q, %1 offsets, -, -, -, -, -) heads=2/2x4 "
            "scale=0.5\n"
            "output %7 resid_mid: f32 [5, 8] = linear(%6 z, %3 w, -, %0 resid_pre) act=silu\n"
            "output %8 top.value: f32 [2, 3], output %9 top.index: u32 [2, 3] = "
            "top_k_abs(%7 resid_mid, %1 offsets)\n");
}

TEST(Builder, KeepsTheFirstError) {
  Builder b;
  const Value x = b.input({DType::f32, {5, 8}}, "x");
  const Value gain = b.weight({DType::f32, {7}}, "norm");
  const Value normed = b.rms_norm(x, gain, 1e-5F, "attn_in");
  EXPECT_FALSE(normed.present());
  const auto top = b.token_max_abs(b.add(normed, x, "sum"), "top");
  EXPECT_FALSE(top.value.present());
  b.mark_output(top.value);
  const auto program = b.finish();
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().message,
            "rms_norm: weight: expected f32 [8], found f32 [7] (step \"attn_in\")");
}

TEST(Builder, ContinuesAProgram) {
  Builder first;
  const Value x = first.input({DType::f32, {5, 8}}, "x");
  const Value y = first.act(x, TEPUI_ACT_RELU, "y");
  auto program = first.finish();
  ASSERT_TRUE(program);
  Builder second(*std::move(program));
  const Value z = second.add(y, x, "z");
  second.mark_output(z);
  program = second.finish();
  ASSERT_TRUE(program) << program.error().message;
  EXPECT_EQ(program->steps.size(), 2U);
  EXPECT_EQ(program->info(z).role, Role::output);
}

TEST(Builder, AnInputIsNoOutput) {
  Builder b;
  b.mark_output(b.input({DType::f32, {1}}, "x"));
  EXPECT_FALSE(b.finish());
}

TEST(Builder, AbsentOperandsThatMustBeThere) {
  Builder b;
  b.l2_norm(kNone, "norm");
  ASSERT_TRUE(b.failed());
  EXPECT_EQ(b.finish().error().message,
            "l2_norm: x: expected f32 [0, 0], found none (step \"norm\")");
}

}  // namespace
}  // namespace tepui

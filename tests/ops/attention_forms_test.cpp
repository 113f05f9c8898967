// SPDX-License-Identifier: MIT
// Forms of attention other than a plain softmax of the keys: an extra key, sigmoids, clipping,
// dropping, prefixes; what is seen of them from outside, and their gradients.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "backend/registry.h"
#include "support/attention_case.h"
#include "support/shared_backend.h"

namespace tepui::test {
namespace {

// Everything that `form`, gamma and dropping change, by itself and with a window; a prefix of 5.
std::vector<AttentionParams> other_forms() {
  std::vector<AttentionParams> all;
  const auto add = [&](uint form, float gamma, uint drop) {
    for (const uint window : {0U, 5U}) {
      if (window == 0 && (form & TEPUI_ATTEND_PREFIX) != 0) continue;
      AttentionParams p{};
      p.window = window;
      p.form = form;
      p.gamma = gamma;
      p.drop = drop;
      all.push_back(p);
    }
  };
  const uint extra = TEPUI_ATTEND_EXTRA;
  add(extra, 0, 0);
  add(extra | TEPUI_ATTEND_EXTRA_KEY, 0, 0);
  add(extra | TEPUI_ATTEND_EXTRA_KEY | TEPUI_ATTEND_EXTRA_VALUE, 0, 0);
  add(extra | TEPUI_ATTEND_EXTRA_VALUE | TEPUI_ATTEND_ALWAYS, 0, 0);
  add(0, -0.05F, 0);
  add(TEPUI_ATTEND_SIGMOID, -1.5F, 0);
  add(TEPUI_ATTEND_SIGMOID | extra | TEPUI_ATTEND_EXTRA_KEY | TEPUI_ATTEND_EXTRA_VALUE, 0, 0);
  add(0, 0, 13107U << 16 | 3U);
  add(extra | TEPUI_ATTEND_EXTRA_KEY | TEPUI_ATTEND_EXTRA_VALUE, 0, 30000U << 16);
  add(TEPUI_ATTEND_PREFIX, 0, 0);
  add(TEPUI_ATTEND_PREFIX | extra | TEPUI_ATTEND_EXTRA_KEY | TEPUI_ATTEND_EXTRA_VALUE, 0,
      9000U << 16);
  return all;
}

// The case of `op` with another form; the operands follow in the op's own slots.
OpCase in_form(OpCase c, AttentionParams form, std::size_t first, bool values) {
  auto p = c.params.as<AttentionParams>();
  if (!values) form.form &= ~TEPUI_ATTEND_EXTRA_VALUE;
  p.window = form.window;
  p.form = form.form;
  p.gamma = form.gamma;
  p.drop = values ? form.drop : 0;
  const Operand one = f32({std::int64_t{p.kv_heads} * p.head_dim}, Fill::normal);
  const auto has = [&](uint bit) { return (p.form & bit) != 0; };
  while (c.in.size() < first) c.in.push_back(absent());
  c.in.push_back(has(TEPUI_ATTEND_EXTRA_KEY) ? one : absent());
  if (values) {
    c.in.push_back(has(TEPUI_ATTEND_EXTRA_VALUE) ? one : absent());
    c.in.push_back(p.drop != 0 ? exact(DType::u32, {2}, {77, 12345}) : absent());
  }
  c.params = ParamBytes(p);
  return c;
}

TEST(Attention, AgreesInEveryForm) {
  for (const AttentionParams& form : other_forms()) {
    for (const Heads& heads : {Heads{1, 1, 1}, {4, 2, 8}, {2, 1, 33}})
      check_op(in_form(attention_case({0, 0, 1, 6, 75}, heads, Fill::normal, Fill::normal), form, 6,
                       true));
  }
}

// Several blocks of keys, with windows that leave some out and prefixes longer than one; heads
// wider than a workgroup's channels, whose rows begin at any element.
std::vector<OpCase> long_cases(std::size_t first_operand) {
  std::vector<OpCase> all;
  for (AttentionParams form : other_forms()) {
    if (form.window != 0) form.window = 90;
    const OpCase wide = attention_case({0, 3, 20}, {2, 1, 133}, Fill::normal, Fill::normal);
    const OpCase long_ = attention_case({0, 9, 160}, {2, 1, 12}, Fill::normal, Fill::normal);
    all.push_back(in_form(wide, form, first_operand, true));
    all.push_back(in_form(long_, form, first_operand, true));
  }
  return all;
}

TEST(Attention, AgreesInEveryFormOverManyBlocksAndForWideHeads) {
  for (const OpCase& c : long_cases(6)) check_op(c);
}

TEST(Attention, WhatIsSeenOfEveryFormAgrees) {
  for (const AttentionParams& form : other_forms()) {
    if (form.drop != 0) continue;
    OpCase c = attention_case({0, 1, 6, 45}, {4, 2, 8}, Fill::normal, Fill::normal);
    const auto p = in_form(c, form, 6, false).params.as<AttentionParams>();
    const Operand extra = in_form(c, form, 6, false).in.back();
    const std::vector<Operand> of{c.in[0], c.in[1], c.in[3], absent()};
    OpCase stats{.op = OpCode::attention_stats,
                 .in = of,
                 .params = ParamBytes(AttentionStatsParams{p, 3, 1})};
    stats.in.insert(stats.in.end(), {exact(DType::u32, {3, 1}, {0, 2, 1}), absent(), extra});
    check_op(stats);
    OpCase map{.op = OpCode::attention_map,
               .in = of,
               .params = ParamBytes(AttentionMapParams{p, 1, 2, 20, 1 + 25 + 400})};
    map.in.insert(map.in.end(), {absent(), extra});
    check_op(map);
    if ((p.form & TEPUI_ATTEND_PREFIX) == 0) continue;
    map.params = ParamBytes(AttentionMapParams{p, 1, 2, 3, 1 + 9 + 9});  // shorter than the prefix
    check_op(map);
  }
}

TEST(AttentionGrad, AgreesInEveryForm) {
  for (const AttentionParams& form : other_forms()) {
    OpCase c = attention_case({0, 1, 6, 45}, {4, 2, 8}, Fill::normal, Fill::normal);
    c.op = OpCode::attention_grad;
    c.in.resize(4);
    c.in.push_back(c.in[0]);  // dz
    check_op(in_form(c, form, 5, true));
  }
}

TEST(AttentionGrad, AgreesInEveryFormOverManyBlocksAndForWideHeads) {
  for (OpCase c : long_cases(6)) {
    c.op = OpCode::attention_grad;
    c.in.erase(c.in.begin() + 4, c.in.begin() + 6);  // no bias, no edits
    c.in.insert(c.in.begin() + 4, c.in[0]);          // dz
    check_op(c);
  }
}

// A key's value, an infinity for one, does not show in the queries that do not see it, though they
// share tiles with those that do.
TEST(Attention, HiddenValuesDoNotShowInOtherForms) {
  AttentionParams form{};
  form.form = TEPUI_ATTEND_EXTRA;
  OpData data = make_data(
      in_form(attention_case({0, 70}, {1, 1, 4}, Fill::normal, Fill::normal), form, 6, true));
  const float infinity = INFINITY;  // of key 50
  std::memcpy(data.tensors[2].bytes.data() + 4 * 50 * sizeof(float), &infinity, sizeof(float));
  for (const std::string& name : backends_under_test()) {
    auto backend = shared_backend(name, {.threads = 2, .isa = {}});
    ASSERT_TRUE(backend) << backend.error().message;
    const Outputs out = run_backend(**backend, data);
    for (int row = 0; row < 70; ++row)
      EXPECT_EQ(std::isfinite(out[0].view().at(4 * row)), row < 50) << name << ", row " << row;
  }
}

}  // namespace
}  // namespace tepui::test

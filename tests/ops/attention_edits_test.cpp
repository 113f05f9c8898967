// SPDX-License-Identifier: MIT
// Edits of scores and probabilities inside attention, in the three ops that have them.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "backend/registry.h"
#include "support/op_harness.h"
#include "support/shared_backend.h"

namespace tepui::test {
namespace {

struct KeyEdit {
  uint rule;
  float value;
  std::vector<uint> heads;        // that it reaches
  std::vector<std::size_t> rows;  // of the keys that it selects
};

constexpr uint kEditHeads = 4;
constexpr uint kEditKvHeads = 2;
constexpr uint kEditHeadDim = 5;

Operand edit_words(const std::vector<KeyEdit>& edits, std::size_t keys) {
  std::vector<double> words;
  for (const KeyEdit& edit : edits) {
    words.push_back(edit.rule);
    words.push_back(std::bit_cast<std::uint32_t>(edit.value));
    for (uint head = 0; head < kEditHeads; ++head)
      words.push_back(std::ranges::find(edit.heads, head) != edit.heads.end() ? 1 : 0);
  }
  for (std::size_t key = 0; key < keys; ++key) {
    std::uint32_t marks = 0;
    for (std::size_t e = 0; e < edits.size(); ++e)
      if (std::ranges::find(edits[e].rows, key) != edits[e].rows.end()) marks |= 1U << e;
    words.push_back(marks);
  }
  return exact(DType::u32, {std::ssize(words)}, words);
}

AttentionParams params_for(const std::vector<double>& offsets, std::size_t edits, uint window) {
  return {.rows = static_cast<uint>(offsets.back()),
          .heads = kEditHeads,
          .kv_heads = kEditKvHeads,
          .head_dim = kEditHeadDim,
          .sequences = static_cast<uint>(offsets.size() - 1),
          .scale = 0.7F,
          .window = window,
          .edits = static_cast<uint>(edits)};
}

Operand edits_or_none(const std::vector<KeyEdit>& edits, uint keys) {
  return edits.empty() ? absent() : edit_words(edits, keys);
}

OpCase edited_case(const std::vector<double>& offsets, const std::vector<KeyEdit>& edits,
                   uint window = 0) {
  const AttentionParams p = params_for(offsets, edits.size(), window);
  return {.op = OpCode::attention,
          .in = {f32({p.rows, kEditHeads * kEditHeadDim}, Fill::normal),
                 f32({p.rows, kEditKvHeads * kEditHeadDim}, Fill::normal),
                 f32({p.rows, kEditKvHeads * kEditHeadDim}, Fill::normal), i32(offsets), absent(),
                 edits_or_none(edits, p.rows)},
          .params = ParamBytes(p)};
}

OpCase edited_stats(const std::vector<double>& offsets, const std::vector<KeyEdit>& edits,
                    uint window = 0) {
  const AttentionParams p = params_for(offsets, edits.size(), window);
  std::vector<double> marked;
  for (uint s = 0; s < p.sequences; ++s) marked.insert(marked.end(), {0, 3});
  return {.op = OpCode::attention_stats,
          .in = {f32({p.rows, kEditHeads * kEditHeadDim}, Fill::normal),
                 f32({p.rows, kEditKvHeads * kEditHeadDim}, Fill::normal), i32(offsets), absent(),
                 exact(DType::u32, {p.sequences, 2}, marked), edits_or_none(edits, p.rows)},
          .params = ParamBytes(AttentionStatsParams{p, 4, 2})};
}

OpCase edited_map(const std::vector<double>& offsets, const std::vector<KeyEdit>& edits,
                  uint window = 0) {
  const AttentionParams p = params_for(offsets, edits.size(), window);
  uint cells = 0;
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
    const uint n = static_cast<uint>(offsets[s + 1] - offsets[s]);
    cells += n * n;
  }
  return {.op = OpCode::attention_map,
          .in = {f32({p.rows, kEditHeads * kEditHeadDim}, Fill::normal),
                 f32({p.rows, kEditKvHeads * kEditHeadDim}, Fill::normal), i32(offsets), absent(),
                 edits_or_none(edits, p.rows)},
          .params = ParamBytes(AttentionMapParams{p, 0, 4, p.rows, cells})};
}

const std::vector<uint> kEveryHead{0, 1, 2, 3};

std::vector<std::vector<KeyEdit>> kinds_of_edits() {
  std::vector<std::vector<KeyEdit>> all;
  for (const uint kind : {0U, TEPUI_EDIT_PROBABILITY}) {
    all.push_back({{TEPUI_EDIT_SET | kind, 0, kEveryHead, {0, 7, 8}}});
    all.push_back({{TEPUI_EDIT_SET | kind, 0.25F, {1, 2}, {7, 12}}});
    all.push_back({{TEPUI_EDIT_CLIP | kind, 0.125F, {0, 3}, {0, 1, 2, 9, 10, 11}}});
    all.push_back({{TEPUI_EDIT_SCALE | kind, -1.5F, {1}, {7}}});
  }
  all.push_back({{TEPUI_EDIT_SCALE, 3, kEveryHead, {1, 8, 20}},
                 {TEPUI_EDIT_CLIP, 0.5F, {1, 3}, {1, 9}},
                 {TEPUI_EDIT_SCALE | TEPUI_EDIT_PROBABILITY, 0.5F, {0, 1}, {1, 8, 20}},
                 {TEPUI_EDIT_SET | TEPUI_EDIT_PROBABILITY, 0.1F, {1}, {8}}});
  return all;
}

TEST(AttentionEdits, Agree) {
  const std::vector<double> offsets{0, 0, 7, 8, 90};
  for (const auto& edits : kinds_of_edits()) {
    for (const uint window : {0U, 6U}) {
      check_op(edited_case(offsets, edits, window));
      check_op(edited_stats(offsets, edits, window));
      check_op(edited_map(offsets, edits, window));
    }
  }
}

// Keys of several stretches, the largest probabilities among them.
TEST(AttentionEdits, AgreeForALongSequence) {
  const std::vector<KeyEdit> edits{
      {TEPUI_EDIT_SCALE, 3, kEveryHead, {8, 300, 590}},
      {TEPUI_EDIT_SET | TEPUI_EDIT_PROBABILITY, 0.25F, {1, 2}, {8, 12, 310, 600}},
      {TEPUI_EDIT_SCALE | TEPUI_EDIT_PROBABILITY, -1.5F, {1, 3}, {300, 520}}};
  for (const uint window : {0U, 280U}) check_op(edited_case({0, 7, 610}, edits, window));
}

TEST(AttentionEdits, AgreeOverManyBlocksOfKeys) {
  const std::vector<KeyEdit> edits{
      {TEPUI_EDIT_SET | TEPUI_EDIT_PROBABILITY, 0, kEveryHead, {0, 255, 256, 300}},
      {TEPUI_EDIT_SCALE, 2, {0}, {1, 257, 310}}};
  check_op(edited_case({0, 320}, edits));
  check_op(edited_stats({0, 320}, edits));
}

// What an edit changes is far outside the bound.
TEST(AttentionEdits, BoundsAreNarrow) {
  const std::vector<double> offsets{0, 7, 30};
  for (const auto& edits : kinds_of_edits()) {
    using Make = OpCase (*)(const std::vector<double>&, const std::vector<KeyEdit>&, uint);
    for (const Make make : {Make{edited_case}, Make{edited_stats}, Make{edited_map}}) {
      const OpData data = make_data(make(offsets, edits, 0));
      const Outputs plain = run_reference(make_data(make(offsets, {}, 0)));
      EXPECT_NE(compare(data, run_reference(data), plain), "");
    }
  }
}

// Edits that select no key leave every bit as it is, on every backend.
TEST(AttentionEdits, WithoutKeysChangeNoBit) {
  const std::vector<double> offsets{0, 70, 75};
  std::vector<KeyEdit> nothing;
  for (const uint kind : {0U, TEPUI_EDIT_PROBABILITY}) {
    nothing.push_back({TEPUI_EDIT_SET | kind, 0, kEveryHead, {}});
    nothing.push_back({TEPUI_EDIT_SCALE | kind, 3, {}, {0, 1, 2}});
  }
  using Make = OpCase (*)(const std::vector<double>&, const std::vector<KeyEdit>&, uint);
  for (const Make make : {Make{edited_case}, Make{edited_stats}, Make{edited_map}}) {
    const OpData plain = make_data(make(offsets, {}, 0));
    const OpData edited = make_data(make(offsets, nothing, 0));
    for (const std::string& name : backends_under_test()) {
      auto backend = shared_backend(name, {.threads = 2, .isa = {}});
      ASSERT_TRUE(backend) << backend.error().message;
      EXPECT_EQ(compare_bits(run_backend(**backend, plain), run_backend(**backend, edited)), "")
          << name;
    }
  }
}

// Two keys of scores a and b: what is left of the softmax is arithmetic.
TEST(AttentionEdits, Definition) {
  const auto value = [](uint rule, float v) {
    OpCase op_case = edited_case({0, 2}, {{rule, v, {2}, {0}}});
    op_case.in[0] = exact(DType::f32, {2, 20}, std::vector<double>(40, 1));
    std::vector<double> keys(20, 0.2);               // scores of 0.7
    std::fill(keys.begin() + 10, keys.end(), -0.4);  // and of -1.4
    op_case.in[1] = exact(DType::f32, {2, 10}, keys);
    std::vector<double> values(20, 0);
    std::fill(values.begin(), values.begin() + 10, 1);  // so that z is key 0's probability
    op_case.in[2] = exact(DType::f32, {2, 10}, values);
    const Outputs out = run_reference(make_data(op_case));
    const double other = out[0].view().at(20);  // head 0 of the second query
    EXPECT_NEAR(other, 1 / (1 + std::exp(-2.1)), 1e-6);
    return out[0].view().at(20 + 2 * kEditHeadDim);
  };
  const double p = 1 / (1 + std::exp(-2.1));
  EXPECT_NEAR(value(TEPUI_EDIT_SET, 0), 1 / (1 + std::exp(-1.4)), 1e-6);
  EXPECT_NEAR(value(TEPUI_EDIT_CLIP, 0.5F), 1 / (1 + std::exp(-1.9)), 1e-6);
  EXPECT_NEAR(value(TEPUI_EDIT_SCALE, 2), 1 / (1 + std::exp(-2.8)), 1e-6);
  EXPECT_NEAR(value(TEPUI_EDIT_SET, -1e9F), 0, 1e-12);  // hidden
  EXPECT_EQ(value(TEPUI_EDIT_SET | TEPUI_EDIT_PROBABILITY, 0), 0);
  EXPECT_NEAR(value(TEPUI_EDIT_CLIP | TEPUI_EDIT_PROBABILITY, 0.5F), 0.5, 1e-6);
  EXPECT_NEAR(value(TEPUI_EDIT_SCALE | TEPUI_EDIT_PROBABILITY, 0.5F), p / 2, 1e-6);
}

TEST(AttentionEdits, TableMustFit) {
  OpCase op_case = edited_case({0, 3}, {{TEPUI_EDIT_SET, 0, {0}, {0}}});
  op_case.in[5] = exact(DType::u32, {3}, {0, 0, 0});
  const auto types = op_of(OpCode::attention).infer(make_data(op_case).types, op_case.params);
  ASSERT_FALSE(types);
  EXPECT_NE(types.error().message.find("attention: edits: expected u32 [9] or none, found u32 [3]"),
            std::string::npos)
      << types.error().message;
}

}  // namespace
}  // namespace tepui::test

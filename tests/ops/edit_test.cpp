// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/select_cases.h"

namespace tepui::test {
namespace {

constexpr uint kTables = 3;

Operand u32(std::vector<double> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return exact(DType::u32, {count}, std::move(values));
}

// Rows that are not selected among rows of each table.
Operand rows_of(uint rows) {
  std::vector<double> values;
  for (uint r = 0; r < rows; ++r) values.push_back(r * 7 % (kTables + 1));
  return u32(values);
}

Operand where_of(uint where, uint rows, uint dim) {
  std::vector<double> values;
  if (where == TEPUI_WHERE_CHANNELS) {
    for (uint d = 0; d < dim; ++d) values.push_back(d % 3 == 1 ? 0 : 1);
    return u32(values);
  }
  if (where == TEPUI_WHERE_ALL) return absent();
  for (uint r = 0; r < rows; ++r)
    values.push_back(r % 5 == 4 ? NAN : r % 5 == 3 ? 0 : 0.4 * (r % 4));
  return exact(DType::f32, {rows}, values);
}

Operand operand_of(uint operand, uint rows, uint dim, Fill fill) {
  switch (operand) {
    case TEPUI_OPERAND_ROW: return f32({rows}, fill);
    case TEPUI_OPERAND_TABLE: return f32({kTables, dim}, fill);
    case TEPUI_OPERAND_WHOLE: return f32({rows, dim}, fill);
    default: return absent();
  }
}

struct Rule {
  uint rule;
  uint operand;
  float value;
};

constexpr Rule kRules[] = {
    {TEPUI_EDIT_SET, TEPUI_OPERAND_NONE, 0},      {TEPUI_EDIT_SET, TEPUI_OPERAND_NONE, -2.5F},
    {TEPUI_EDIT_TABLE, TEPUI_OPERAND_TABLE, 0},   {TEPUI_EDIT_PATCH, TEPUI_OPERAND_WHOLE, 0},
    {TEPUI_EDIT_CLIP, TEPUI_OPERAND_NONE, 0.75F}, {TEPUI_EDIT_CLIP, TEPUI_OPERAND_NONE, 0},
    {TEPUI_EDIT_SCALE, TEPUI_OPERAND_NONE, 0.3F}, {TEPUI_EDIT_SCALE, TEPUI_OPERAND_NONE, -1e30F},
    {TEPUI_EDIT_ONLY, TEPUI_OPERAND_NONE, 0},     {TEPUI_EDIT_F16, TEPUI_OPERAND_NONE, 0},
    {TEPUI_EDIT_BF16, TEPUI_OPERAND_NONE, 0},     {TEPUI_EDIT_FP8, TEPUI_OPERAND_ROW, 0},
    {TEPUI_EDIT_FP8, TEPUI_OPERAND_TABLE, 0},     {TEPUI_EDIT_INT8, TEPUI_OPERAND_ROW, 0},
    {TEPUI_EDIT_INT8, TEPUI_OPERAND_TABLE, 0},    {TEPUI_EDIT_RAISE, TEPUI_OPERAND_NONE, 0.75F}};

OpCase edit_case(const Rule& rule, uint where, bool reference, uint rows, uint dim, Fill fill) {
  EditParams p{};
  p.rows = rows;
  p.dim = dim;
  p.tables = rule.operand == TEPUI_OPERAND_TABLE ? kTables : 0;
  p.rule = rule.rule;
  p.where = where;
  p.operand = rule.operand;
  p.value = rule.value;
  return {.op = OpCode::edit,
          .in = {f32({rows, dim}, fill), rows_of(rows), where_of(where, rows, dim),
                 reference ? f32({rows, dim}, Fill::ties) : absent(),
                 operand_of(rule.operand, rows, dim, fill)},
          .params = ParamBytes(p)};
}

TEST(Edit, Agrees) {
  for (const Rule& rule : kRules) {
    for (const Fill fill : {Fill::normal, Fill::massive, Fill::special}) {
      for (const uint where : {TEPUI_WHERE_ALL, TEPUI_WHERE_CHANNELS, TEPUI_WHERE_ABOVE}) {
        check_op(edit_case(rule, where, false, 9, 37, fill));
        if (where == TEPUI_WHERE_ABOVE) check_op(edit_case(rule, where, true, 33, 64, fill));
      }
    }
    check_op(edit_case(rule, TEPUI_WHERE_ALL, false, 0, 5, Fill::normal));
    check_op(edit_case(rule, TEPUI_WHERE_ALL, false, 1, 1, Fill::normal));
    check_op(edit_case(rule, TEPUI_WHERE_CHANNELS, false, 700, 129, Fill::wide));
  }
}

// The limits of clip and raise come from statistics and are never negative.
TEST(Edit, ClipsAndRaisesToEachRowsLimit) {
  for (const auto& [fill, rule] : {std::pair{Fill::normal, TEPUI_EDIT_CLIP},
                                   {Fill::special, TEPUI_EDIT_CLIP},
                                   {Fill::special, TEPUI_EDIT_RAISE}}) {
    OpCase op_case = edit_case({rule, TEPUI_OPERAND_ROW, 0}, TEPUI_WHERE_ALL, false, 40, 17, fill);
    std::vector<double> limits;
    for (int r = 0; r < 40; ++r)
      limits.push_back(r % 9 == 0 ? NAN : r % 9 == 1 ? INFINITY : 0.05 * r);
    op_case.in[4] = exact(DType::f32, {40}, limits);
    check_op(op_case);
  }
}

// Every exponent, and numbers on both sides of each format's ties.
TEST(Edit, RoundsTheWholeRange) {
  std::vector<double> values;
  for (int e = -149; e < 128; ++e) {
    for (const double m : {1.0, 1.0625, 1.0625001, 1.1875, 1.3, 1.5, 1.9375, 1.99999988})
      values.push_back((values.size() % 2 == 0 ? 1 : -1) * std::ldexp(m, e));
  }
  const auto dim = static_cast<uint>(values.size());
  for (const uint rule : {TEPUI_EDIT_F16, TEPUI_EDIT_BF16, TEPUI_EDIT_FP8, TEPUI_EDIT_INT8}) {
    const bool scaled = rule == TEPUI_EDIT_FP8 || rule == TEPUI_EDIT_INT8;
    for (const double largest : {448.0, 127.0, 1.0, 3e-3, 1e-40, 1e38, 0.0, -5.5, HUGE_VAL}) {
      const EditParams p{
          1, dim, 0, rule, TEPUI_WHERE_ALL, scaled ? TEPUI_OPERAND_ROW : TEPUI_OPERAND_NONE, 0};
      check_op({.op = OpCode::edit,
                .in = {exact(DType::f32, {1, dim}, values), u32({1}), absent(), absent(),
                       scaled ? exact(DType::f32, {1}, {largest}) : absent()},
                .params = ParamBytes(p)});
    }
  }
}

std::vector<float> edited(const std::vector<double>& x, uint rule, float value,
                          std::optional<double> operand = {}) {
  const auto dim = static_cast<uint>(x.size());
  const EditParams p{
      1, dim, 0, rule, TEPUI_WHERE_ALL, operand ? TEPUI_OPERAND_ROW : TEPUI_OPERAND_NONE, value};
  return output<float>(
      run_reference(make_data({.op = OpCode::edit,
                               .in = {exact(DType::f32, {1, dim}, x), u32({1}), absent(), absent(),
                                      operand ? exact(DType::f32, {1}, {*operand}) : absent()},
                               .params = ParamBytes(p)})),
      0);
}

TEST(Edit, Definition) {
  using Floats = std::vector<float>;
  const std::vector<double> x = {1, -300, 0.25};
  EXPECT_EQ(edited(x, TEPUI_EDIT_SET, 7), (Floats{7, 7, 7}));
  EXPECT_EQ(edited(x, TEPUI_EDIT_CLIP, 100), (Floats{1, -100, 0.25}));
  EXPECT_EQ(edited(x, TEPUI_EDIT_CLIP, 9, 0.5), (Floats{0.5, -0.5, 0.25}));
  EXPECT_EQ(edited(x, TEPUI_EDIT_SCALE, 0.5), (Floats{0.5, -150, 0.125}));
  EXPECT_EQ(edited({2049, 70000, -1e-8, 65519}, TEPUI_EDIT_F16, 0),
            (Floats{2048, INFINITY, -0.0F, 65504}));
  EXPECT_EQ(edited({257, 2056}, TEPUI_EDIT_BF16, 0), (Floats{256, 2064 - 16}));
  // One massive value takes all of an 8-bit integer's range, and leaves nothing for the others.
  EXPECT_EQ(edited({127, 0.4, -0.6, 90}, TEPUI_EDIT_INT8, 0, 127), (Floats{127, 0, -1, 90}));
  EXPECT_EQ(edited({448, 0.4, 17, 19, 1e-4}, TEPUI_EDIT_FP8, 0, 448),
            (Floats{448, 0.40625, 16, 20, 0}));
}

TEST(Edit, SelectsRowsChannelsAndWhatIsAbove) {
  EditParams p{2, 3, 2, TEPUI_EDIT_TABLE, TEPUI_WHERE_ABOVE, TEPUI_OPERAND_TABLE, 0};
  const OpData data = make_data({.op = OpCode::edit,
                                 .in = {exact(DType::f32, {2, 3}, {1, 2, 3, 4, 5, 6}), u32({2, 1}),
                                        exact(DType::f32, {2}, {1.5, 4.5}), absent(),
                                        exact(DType::f32, {2, 3}, {10, 20, 30, -10, -20, NAN})},
                                 .params = ParamBytes(p)});
  EXPECT_EQ(output<float>(run_reference(data), 0), (std::vector<float>{1, -20, 3, 4, 20, 30}));
}

TEST(Edit, RefusesAnOperandThatDoesNotFit) {
  const EditParams p{1, 2, 0, TEPUI_EDIT_PATCH, TEPUI_WHERE_ALL, TEPUI_OPERAND_NONE, 0};
  const Types types = {{DType::f32, {1, 2}},
                       {DType::u32, {1}},
                       TensorType::absent(),
                       TensorType::absent(),
                       TensorType::absent()};
  EXPECT_FALSE(op_of(OpCode::edit).infer(types, ParamBytes(p)));
}

}  // namespace
}  // namespace tepui::test

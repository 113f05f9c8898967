// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "backend/registry.h"
#include "support/attention_case.h"
#include "support/shared_backend.h"

namespace tepui::test {
namespace {

constexpr Heads kHeads[] = {{1, 1, 1}, {3, 1, 5}, {4, 2, 8}, {2, 2, 64}, {3, 3, 33}, {8, 2, 16}};

TEST(Attention, Agrees) {
  for (const Heads& heads : kHeads) {
    for (const auto& offsets : std::vector<std::vector<double>>{
             {0}, {0, 0}, {0, 1}, {0, 7}, {0, 0, 1, 6, 6, 39}, {0, 70}}) {
      check_op(attention_case(offsets, heads, Fill::normal, Fill::normal));
      check_op(attention_case(offsets, heads, Fill::normal, Fill::massive));
    }
  }
}

TEST(Attention, AgreesForASequenceLongerThanABlockOfKeys) {
  check_op(attention_case({0, 300, 433}, {2, 1, 20}, Fill::normal, Fill::normal));
}

// Scores of hundreds: all weight on one key, the others' exponentials vanish.
TEST(Attention, AgreesForSharpScores) {
  check_op(attention_case({0, 5, 40}, {2, 1, 12}, Fill::wide, Fill::normal));
}

TEST(Attention, ManySequencesOfOneToken) {
  std::vector<double> offsets;
  for (int i = 0; i <= 70000; ++i) offsets.push_back(i);
  check_op(attention_case(offsets, {1, 1, 2}, Fill::normal, Fill::normal));
}

TEST(Attention, AgreesWithSoftcapBiasAndWindow) {
  const std::vector<double> offsets{0, 0, 1, 6, 45, 115};
  for (const Heads& heads : {Heads{1, 1, 1}, {4, 2, 8}, {3, 3, 33}}) {
    for (const Fill qk : {Fill::normal, Fill::wide}) {
      check_op(attention_case(offsets, heads, qk, Fill::normal, {.softcap = 2}));
      check_op(attention_case(offsets, heads, qk, Fill::normal, {.bias_positions = 70}));
      for (const uint window : {1U, 5U, 64U, 70U})
        check_op(attention_case(offsets, heads, qk, Fill::massive, {.window = window}));
      check_op(attention_case(offsets, heads, qk, Fill::normal,
                              {.softcap = 5, .window = 9, .bias_positions = 100}));
    }
  }
}

// Windows that begin before, on and after the borders of blocks and panels of keys.
TEST(Attention, AgreesForWindowsOverManyBlocks) {
  for (const uint window : {17U, 255U, 256U, 257U})
    check_op(
        attention_case({0, 40, 640}, {2, 1, 20}, Fill::normal, Fill::normal, {.window = window}));
}

// The last rows of each sequence alone, with all its keys: the bits of the whole.
TEST(Attention, EarlierKeysGiveTheBitsOfTheWhole) {
  const std::vector<double> offsets{0, 3, 300, 331};
  struct Case {
    Heads heads;
    std::vector<std::size_t> skipped;
    Extras extras;
  };
  const Extras all{.softcap = 3, .window = 40, .bias_positions = 300};
  const Case cases[] = {{{4, 2, 12}, {2, 290, 0}, {}},
                        {{4, 2, 12}, {2, 290, 0}, {.window = 7}},
                        {{4, 2, 12}, {2, 290, 0}, {.window = 270}},
                        {{4, 2, 12}, {2, 290, 0}, all},
                        {{4, 2, 12}, {0, 294, 28}, all},    // a few rows
                        {{2, 2, 64}, {2, 296, 30}, {}},     // one of each head
                        {{13, 1, 72}, {2, 296, 30}, {}},    // which share keys and values
                        {{13, 1, 64}, {2, 296, 30}, all}};  // likewise
  for (const auto& [heads, skipped, extras] : cases) {
    const OpData whole =
        make_data(attention_case(offsets, heads, Fill::normal, Fill::normal, extras));
    std::vector<RowRange> kept;
    for (std::size_t s = 0; s < skipped.size(); ++s)
      kept.push_back({static_cast<std::size_t>(offsets[s]) + skipped[s],
                      static_cast<std::size_t>(offsets[s + 1])});
    const OpData beside = rows_alone(whole, offsets, kept);
    for (const OpData& last : {beside, keys_by_head(beside)}) {
      EXPECT_EQ(compare(last, run_reference(last), run_reference(last)), "");
      for (const std::string& name : backends_under_test()) {
        auto backend = shared_backend(name, {.threads = 2, .isa = {}});
        ASSERT_TRUE(backend) << backend.error().message;
        const Outputs expected = rows_among(whole, run_backend(**backend, whole), kept);
        const Outputs some = run_backend(**backend, last);
        EXPECT_EQ(compare(last, run_reference(last), some), "") << name;
        EXPECT_EQ(compare_bits(expected, some), "") << name;
      }
    }
  }
}

// What a window hides is not read: neither its key nor, beyond the block, its value.
TEST(Attention, HiddenKeysDoNotShow) {
  OpCase op_case = attention_case({0, 3}, {1, 1, 1}, Fill::normal, Fill::normal, {.window = 2});
  op_case.in[1] = exact(DType::f32, {3, 1}, {NAN, 0, 0});
  op_case.in[2] = exact(DType::f32, {3, 1}, {8e5, 1, 3});
  const OpData data = make_data(op_case);
  const Outputs expected = run_reference(data);
  EXPECT_EQ(expected[0].view().at(2), 2);
  for (const std::string& name : backends_under_test()) {
    auto backend = shared_backend(name, {.threads = 1, .isa = {}});
    ASSERT_TRUE(backend) << backend.error().message;
    EXPECT_EQ(run_backend(**backend, data)[0].view().at(2), 2) << name;
  }
}

TEST(Attention, DefinitionOfSoftcapAndBias) {
  OpCase op_case = attention_case({0, 2}, {1, 1, 1}, Fill::normal, Fill::normal,
                                  {.softcap = 2, .bias_positions = 3});
  op_case.in[0] = exact(DType::f32, {2, 1}, {1, 1});
  op_case.in[1] = exact(DType::f32, {2, 1}, {4, -4});
  op_case.in[2] = exact(DType::f32, {2, 1}, {0, 1});
  op_case.in[4] = exact(DType::f32, {1, 3}, {-7, 5, 9});
  const Outputs out = run_reference(make_data(op_case));
  const double first = 2 * std::tanh(2.0) - 12;
  const double second = -2 * std::tanh(2.0);
  EXPECT_NEAR(out[0].view().at(1), std::exp(second) / (std::exp(first) + std::exp(second)), 1e-7);
}

TEST(Attention, Definition) {
  const OpData data = make_data(attention_case({0, 2, 7}, {4, 2, 3}, Fill::normal, Fill::normal));
  const Outputs out = run_reference(data);
  const auto head = [&](std::size_t slot, int columns, uint index) -> Eigen::MatrixXd {
    using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const Eigen::Map<const Matrix> all(data.tensors[slot].view().as<float>().data(), 7, columns);
    return all.block(2, index * 3, 5, 3).cast<double>();  // the second sequence
  };
  for (uint h = 0; h < 4; ++h) {
    Eigen::MatrixXd weights =
        head(0, 12, h) * head(1, 6, h / 2).transpose() / static_cast<double>(std::sqrt(3.0F));
    for (int i = 0; i < 5; ++i) {
      for (int j = 0; j < 5; ++j) weights(i, j) = j > i ? 0 : std::exp(weights(i, j));
      weights.row(i) /= weights.row(i).sum();
    }
    const Eigen::MatrixXd expected = weights * head(2, 6, h / 2);
    for (int i = 0; i < 5; ++i) {
      for (int d = 0; d < 3; ++d) {
        EXPECT_NEAR(out[0].view().at((2 + i) * 12 + static_cast<int>(h) * 3 + d), expected(i, d),
                    1e-6);
      }
    }
  }
}

// A massive key that no query looks at must not widen the bound of the others.
TEST(Attention, BoundForgetsKeysWithoutWeight) {
  OpCase op_case = attention_case({0, 3}, {1, 1, 2}, Fill::normal, Fill::normal);
  op_case.in[0] = exact(DType::f32, {3, 2}, {1, 1, 1, 1, 1, 1});
  op_case.in[1] = exact(DType::f32, {3, 2}, {1, 1, -8e5, -8e5, 2, 1});
  op_case.in[2] = exact(DType::f32, {3, 2}, {1e-3, 1, 8e5, 8e5, 1e-3, 2});
  check_op(op_case);
  const OpData data = make_data(op_case);
  const Outputs expected = run_reference(data);
  std::vector<HostView> in;
  for (const HostTensor& tensor : data.tensors) in.push_back(tensor.view());
  const HostView out = expected[0].view();
  std::vector<double> bound(6);
  op_of(OpCode::attention).bound({in, {&out, 1}, 0, data.params}, bound);
  EXPECT_GT(bound[4], 0);
  EXPECT_LT(bound[4], 1e-8);
}

}  // namespace
}  // namespace tepui::test

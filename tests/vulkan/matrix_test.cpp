// SPDX-License-Identifier: MIT
// The matrix tier of `linear`: what its split of f32 into halves holds, its sums in C++ under the
// bound of matrix_split.h, and, where a device and this build have it, the kernel itself.
#include "backend/vulkan/matrix_split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "backend/registry.h"
#include "backend/vulkan/context.h"
#include "backend/vulkan/linear_plan.h"
#include "backend/vulkan/shader_library.h"
#include "support/op_harness.h"

namespace tepui::test {
namespace {

using vulkan::MatrixProperties;
using Row = std::vector<float>;

float largest_of(std::span<const float> row) {
  float largest = 0;
  for (const float v : row) largest = std::max(largest, std::abs(v));
  return largest;
}

double joined(const std::array<float, 2>& terms) {
  return double{terms[0]} + 0x1p-12 * double{terms[1]};
}

bool is_half(float x) {
  const float magnitude = std::abs(x);
  const float unit = magnitude < 0x1p-14F ? 0x1p-24F : std::ldexp(1.0F, std::ilogb(x) - 10);
  return magnitude <= 65504.0F && std::fmod(magnitude, unit) == 0;
}

TEST(MatrixSplit, LosesALastPlaceOfF32OrLittleOfTheLargest) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> mantissa(1, 2);
  for (const float largest : {8e5F, 1.0F, 65504.0F, 3e38F, 1e-30F}) {
    const float factor = vulkan::split_factor(largest);
    EXPECT_GE(largest * factor, 0x1p14F);
    EXPECT_LT(largest * factor, 0x1p15F);
    for (int down = 0; down < 60; ++down) {
      float x = std::ldexp(largest / 2 * mantissa(random), -down);
      if (down % 2 == 1) x = -x;
      if (std::abs(x) < 0x1p-120F) continue;  // its own last bits are beyond f32
      const auto terms = vulkan::split_terms(x * factor);
      for (const float term : terms) EXPECT_TRUE(is_half(term)) << term;
      const double lost = std::abs(joined(terms) / double{factor} - double{x});
      const double last_place = std::ldexp(1.0, std::ilogb(x) - 23);
      EXPECT_LE(lost, std::max(last_place, 0x1p-51 * double{largest}))
          << x << " beside " << largest;
    }
  }
}

// What the kernel computes of one element, one product after the other.
float product(const Row& x, const Row& w) {
  const float fx = vulkan::split_factor(largest_of(x));
  const float fw = vulkan::split_factor(largest_of(w));
  float sums[2] = {};
  for (std::size_t k = 0; k < x.size(); ++k) {
    const auto a = vulkan::split_terms(x[k] * fx);
    const auto b = vulkan::split_terms(w[k] * fw);
    sums[0] = std::fma(a[0], b[0], sums[0]);
    sums[1] = std::fma(a[1], b[0], sums[1]);
    sums[1] = std::fma(a[0], b[1], sums[1]);
  }
  return (sums[1] * 0x1p-12F + sums[0]) / fx / fw;
}

void expect_within_bound(const Row& x, const Row& w) {
  double exact = 0;
  double meets = 0;
  double beside = 0;
  const double most_x = double{largest_of(x)};
  const double most_w = double{largest_of(w)};
  for (std::size_t k = 0; k < x.size(); ++k) {
    exact += double{x[k]} * double{w[k]};
    meets += std::abs(double{x[k]} * double{w[k]});
    beside += most_x * std::abs(double{w[k]}) + std::abs(double{x[k]}) * most_w;
  }
  const double size = static_cast<double>(x.size());
  const double bound = (size + 13) * 0x1p-24 * (1 + 0x1p-7) * meets + 0x1p-49 * beside +
                       0x1p-77 * size * most_x * most_w;
  EXPECT_LE(std::abs(double{product(x, w)} - exact), bound) << x.size();
}

// A row of 8e5 beside 1e-3, and ones whose massive channel meets a weight of 0: there the bound is
// that of the small values alone.
TEST(MatrixSplit, SumsKeepTheNeighboursOfMassiveValues) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  for (const std::size_t k : {1U, 2U, 7U, 64U, 300U}) {
    for (const float massive : {0.0F, 8e5F, -8e5F, 3e38F}) {
      for (const float weight : {0.0F, 0.7F}) {
        if (massive > 1e9F && weight != 0) continue;  // the result is beyond f32
        Row x(k);
        Row w(k);
        for (float& v : x) v = 1e-3F * normal(random);
        for (float& v : w) v = normal(random);
        if (massive != 0) {
          x[k / 2] = massive;
          w[k / 2] = weight;
        }
        expect_within_bound(x, w);
      }
    }
  }
}

TEST(MatrixUnits, AreTakenWhereHalvesAreSummedInF32) {
  const auto of = [](std::uint32_t m, std::uint32_t n, std::uint32_t k, std::int32_t sum,
                     std::int32_t scope) {
    MatrixProperties one;
    one.m = m;
    one.n = n;
    one.k = k;
    one.c = one.result = sum;
    one.scope = scope;
    return one;
  };
  const std::vector<MatrixProperties> offered{of(16, 16, 16, 0, 3), of(8, 8, 8, 1, 3),
                                              of(16, 8, 16, 1, 3), of(32, 32, 16, 1, 3),
                                              of(16, 16, 16, 1, 2)};
  const auto best = vulkan::choose_matrix_shape(offered, 32, 32768);
  ASSERT_TRUE(best);
  EXPECT_EQ(best->m * 10000 + best->n * 100 + best->k, 160816U);
  EXPECT_FALSE(vulkan::choose_matrix_shape(std::span(offered).first(1), 32, 32768));
  const auto narrow = vulkan::choose_matrix_shape(offered, 8, 32768);  // for subgroups of 8 lanes
  ASSERT_TRUE(narrow);
  EXPECT_EQ(narrow->m * 10000 + narrow->n * 100 + narrow->k, 80808U);
  EXPECT_FALSE(vulkan::choose_matrix_shape(offered, 32, 8192));
}

bool has_kernel() {
  return vulkan::ShaderLibrary::has(std::string(vulkan::kMatrixShader) + ".small");
}

constexpr const char* kMissing = "no device with cooperative matrices, or no kernel for them built";
std::optional<vulkan::MatrixUnits> device_with_matrices() {
  const auto context = vulkan::Context::make();
  if (!context || (*context)->devices().empty() || !has_kernel()) return {};
  const vulkan::MatrixUnits units = (*context)->devices().front().matrices;
  return units.shape ? std::optional(units) : std::nullopt;
}

class MatrixTier : public testing::Test {
 protected:
  MatrixTier() {
    if (const char* const set = std::getenv(kVariable); set != nullptr) before_ = set;
    unsetenv(kVariable);
  }
  ~MatrixTier() override {
    if (before_)
      setenv(kVariable, before_->c_str(), 1);
    else
      unsetenv(kVariable);
    vulkan::Context::change_devices(nullptr);
  }

  static constexpr const char* kVariable = "TEPUI_VULKAN_MATRIX";

 private:
  std::optional<std::string> before_;  // what whoever runs the tests asked for
};

TEST_F(MatrixTier, IsAskedForAndSaysWhatIsMissing) {
  EXPECT_EQ(vulkan::matrices_wanted({}, false).value(), vulkan::MatrixUse::none);
  setenv(kVariable, "1", 1);
  const auto missing = vulkan::matrices_wanted({}, false);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message,
            "TEPUI_VULKAN_MATRIX=1: no cooperative matrices: products run on the ordinary units");
  setenv(kVariable, "yes", 1);
  EXPECT_FALSE(vulkan::matrices_wanted({}, false));
  // Matrices of workgroups stand on those of subgroups, which take the weights that are not f16.
  setenv(kVariable, "workgroup", 1);
  vulkan::MatrixUnits units{.khr = true, .nv = true, .shape = {}, .workgroup = {}};
  units.workgroup = vulkan::WorkgroupTile{128, 128, 32, 256};
  EXPECT_FALSE(vulkan::matrices_wanted(units, false));
  units.shape = vulkan::MatrixShape{16, 16, 16};
  const bool kernel = has_kernel();
  EXPECT_EQ(vulkan::matrices_wanted(units, false).has_value(),
            kernel && vulkan::ShaderLibrary::has(vulkan::kWorkgroupShader));
  // Unasked, where there is a kernel for them and no software stands in for the device.
  unsetenv(kVariable);
  EXPECT_EQ(vulkan::matrices_wanted(units, false).value(),
            kernel ? vulkan::MatrixUse::subgroups : vulkan::MatrixUse::none);
  EXPECT_EQ(vulkan::matrices_wanted(units, true).value(), vulkan::MatrixUse::none);
}

TEST(MatrixUnits, TakesTheWidestWorkgroupWhoseMatricesDivideTheTile) {
  const auto of = [](std::uint32_t m, std::uint32_t k, std::int32_t scope, std::uint32_t lanes) {
    vulkan::FlexibleProperties one;
    one.m = m;
    one.n = 16;
    one.k = k;
    one.c = one.result = 1;
    one.scope = scope;
    one.lanes = lanes;
    return one;
  };
  const std::vector<vulkan::FlexibleProperties> offered = {of(16, 16, 3, 512), of(96, 16, 2, 256),
                                                           of(32, 64, 2, 256), of(32, 16, 2, 128),
                                                           of(64, 32, 2, 256), of(32, 16, 2, 1024)};
  const auto tile = vulkan::choose_workgroup_tile(offered, 512);
  ASSERT_TRUE(tile);
  EXPECT_EQ(tile->lanes, 256U);
  EXPECT_EQ(tile->m * 100000 + tile->n * 100 + tile->k, 12812832U);
  EXPECT_FALSE(vulkan::choose_workgroup_tile(std::span(offered).first(3), 512));
}

OpData linear_data(std::int64_t rows, std::int64_t n, std::int64_t k, DType dtype, Fill weight) {
  const LinearParams params{static_cast<uint>(rows), static_cast<uint>(n), static_cast<uint>(k),
                            TEPUI_ACT_SILU};
  return make_data(
      {.op = OpCode::linear,
       .in = {f32({rows, k}, Fill::massive), packed(n, k, dtype, weight), f32({n}), f32({rows, n})},
       .params = ParamBytes(params)});
}

// Some experts are chosen by many rows, one by none.
OpData expert_data(uint rows, uint own, DType dtype, Fill weight, uint n = 37, uint k = 50) {
  const ExpertParams p{rows, n, k, 5, 2, own};
  std::vector<double> chosen;
  for (uint i = 0; i < 2 * rows; ++i) chosen.push_back(i % 3 == 0 ? 4 : (i * 7 + i / 5) % 3);
  Operand matrices = packed_experts(5, n, k, dtype);
  matrices.fill = weight;
  return make_data({.op = OpCode::expert_linear,
                    .in = {f32({rows, own != 0 ? 2 * k : k}, Fill::massive), matrices,
                           exact(DType::u32, {rows, 2}, chosen)},
                    .params = ParamBytes(p)});
}

// Tiles of one matrix and of four.
void check_in_tiles(const OpData& data) {
  Outputs found[2];
  for (const bool large : {false, true}) {
    vulkan::Context::change_devices([=](vulkan::PhysicalDevice& device) {
      if (large) device.type = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
    });
    const auto backend = make_backend("vulkan:0", {});
    ASSERT_TRUE(backend) << backend.error().message;
    EXPECT_NE((*backend)->device().isa.find("matrix units"), std::string::npos);
    found[large ? 1 : 0] = run_backend(**backend, data);
    EXPECT_EQ(compare(data, run_reference(data), found[large ? 1 : 0]), "");
  }
  EXPECT_EQ(compare_bits(found[0], found[1]), "");
}

// For a prompt and for a row alone, on matrices of subgroups and, where they are, of workgroups.
TEST_F(MatrixTier, AgreesAndARowHasTheSameBitsInAnyTile) {
  const auto units = device_with_matrices();
  if (!units) GTEST_SKIP() << kMissing;
  const bool of_workgroups =
      units->workgroup && vulkan::ShaderLibrary::has(vulkan::kWorkgroupShader);
  std::vector<OpData> cases{expert_data(70, 0, DType::bf16, Fill::massive_zero),
                            expert_data(150, 1, DType::f32, Fill::normal),
                            expert_data(6, 1, DType::q8_0, Fill::normal, 37, 160)};  // few rows
  for (const DType dtype : {DType::f16, DType::bf16, DType::f32}) {
    for (const Fill weight : {Fill::normal, Fill::massive_zero})
      cases.push_back(linear_data(70, 37, 50, dtype, weight));
  }
  for (const DType dtype : {DType::q8_0, DType::q4_k})
    cases.push_back(linear_data(70, 37, 256, dtype, Fill::normal));
  // Halves and split floats as they are stored, over two panels, and the largest tile.
  for (const DType dtype : {DType::f16, DType::f32}) {
    cases.push_back(linear_data(70, 264, 40, dtype, Fill::normal));
    cases.push_back(linear_data(520, 520, 40, dtype, Fill::normal));
    cases.push_back(expert_data(7, 0, dtype, Fill::normal, 264, 41));
    cases.push_back(expert_data(400, 0, dtype, Fill::normal, 520, 40));
  }
  for (const OpData& data : cases) {
    setenv(kVariable, "1", 1);
    check_in_tiles(data);
    setenv(kVariable, "workgroup", 1);
    if (of_workgroups) check_in_tiles(data);
  }
}

// Rows alone are computed by another tile than as some of many.
TEST_F(MatrixTier, FewRowsHaveTheBitsTheyHaveAmongMany) {
  if (!device_with_matrices()) GTEST_SKIP() << kMissing;
  setenv(kVariable, "1", 1);
  const auto backend = make_backend("vulkan:0", {});
  ASSERT_TRUE(backend) << backend.error().message;
  struct Case {
    DType dtype;
    std::int64_t n;
    std::int64_t k;
  };
  for (const Case& c :
       {Case{DType::f16, 264, 200}, Case{DType::f16, 37, 50}, Case{DType::f32, 264, 200},
        Case{DType::f32, 37, 50}, Case{DType::bf16, 264, 200}, Case{DType::q8_0, 264, 160}}) {
    const auto run = [&](std::int64_t rows) {
      const Outputs found =
          run_backend(**backend, linear_data(rows, c.n, c.k, c.dtype, Fill::normal));
      const auto values = found[0].view().as<float>();
      return std::vector<float>(values.begin(), values.begin() + 5 * c.n);
    };
    const std::vector<float> among_many = run(70);
    EXPECT_EQ(run(5), among_many) << dtype_name(c.dtype) << " " << c.n;
    EXPECT_NE(among_many.front(), 0);
  }
}

}  // namespace
}  // namespace tepui::test

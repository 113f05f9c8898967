// SPDX-License-Identifier: MIT
// Which kernel and which tile of the f32 tier compute a linear layer, or those of experts, changes
// no bit: those that a GPU takes for few rows and for many, beside those of a software device.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "backend/registry.h"
#include "backend/vulkan/context.h"
#include "support/op_harness.h"

namespace tepui::test {
namespace {

class LinearTiles : public testing::Test {
 protected:
  void SetUp() override {
    if (std::ranges::count(backend_names(), "vulkan") == 0)
      GTEST_SKIP() << "no Vulkan device on this machine";
    if (const char* const set = std::getenv(kVariable); set != nullptr) before_ = set;
    setenv(kVariable, "0", 1);
  }
  void TearDown() override {
    vulkan::Context::change_devices(nullptr);
    if (before_)
      setenv(kVariable, before_->c_str(), 1);
    else
      unsetenv(kVariable);
  }

  static std::unique_ptr<Backend> make(VkPhysicalDeviceType type) {
    vulkan::Context::change_devices([=](vulkan::PhysicalDevice& device) { device.type = type; });
    auto backend = make_backend("vulkan", {});
    EXPECT_TRUE(backend) << backend.error().message;
    return *std::move(backend);
  }

 private:
  static constexpr const char* kVariable = "TEPUI_VULKAN_MATRIX";
  std::optional<std::string> before_;
};

TEST_F(LinearTiles, GiveTheBitsOfTheSmallOnes) {
  const auto gpu = make(VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU);
  const auto software = make(VK_PHYSICAL_DEVICE_TYPE_CPU);
  struct Sizes {
    std::int64_t rows, n, k;
    DType dtype;
  };
  const Sizes all[] = {
      {1, 70, 300, DType::f32},   {3, 33, 129, DType::f16},   {5, 70, 300, DType::bf16},
      {15, 261, 64, DType::f32},  {2, 70, 320, DType::q8_0},  {7, 40, 512, DType::q4_k},
      {1, 40, 768, DType::q3_k},  {2, 37, 96, DType::q5_1},   {4, 70, 256, DType::q6_k},
      {16, 70, 300, DType::f32},  {33, 133, 37, DType::f16},  {70, 70, 320, DType::q8_0},
      {17, 40, 512, DType::q4_k}, {1281, 2561, 5, DType::f32}};  // enough for large tiles
  for (const auto& [rows, n, k, dtype] : all) {
    const LinearParams params{static_cast<uint>(rows), static_cast<uint>(n), static_cast<uint>(k),
                              TEPUI_ACT_SILU};
    const OpData data =
        make_data({.op = OpCode::linear,
                   .in = {f32({rows, k}, Fill::massive), packed(n, k, dtype, Fill::normal),
                          f32({n}), f32({rows, n})},
                   .params = ParamBytes(params)});
    SCOPED_TRACE(fmt::format("{} rows, {} x {} {}", rows, n, k, dtype_name(dtype)));
    const Outputs found = run_backend(*gpu, data);
    EXPECT_EQ(compare(data, run_reference(data), found), "");
    EXPECT_EQ(compare_bits(run_backend(*software, data), found), "");
  }
}

// Some experts are chosen by many rows, one by none.
TEST_F(LinearTiles, OfExpertsGiveTheBitsOfTheSmallOnes) {
  const auto gpu = make(VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU);
  const auto software = make(VK_PHYSICAL_DEVICE_TYPE_CPU);
  struct Sizes {
    ExpertParams p;  // rows, n, k, experts, chosen, own
    DType dtype;
  };
  const Sizes all[] = {
      {{1, 70, 300, 4, 2, 0}, DType::f32},    {{3, 33, 129, 5, 2, 1}, DType::f16},
      {{7, 37, 96, 4, 1, 0}, DType::q8_0},    {{2, 40, 512, 3, 2, 1}, DType::q4_k},
      {{70, 133, 50, 5, 2, 0}, DType::bf16},  {{40, 70, 320, 4, 2, 1}, DType::q8_0},
      {{130, 5, 256, 70, 9, 0}, DType::q4_k},  // more experts than lanes
      {{700, 2561, 5, 3, 2, 1}, DType::f32}};  // enough for large tiles
  for (const auto& [p, dtype] : all) {
    std::vector<double> chosen;
    for (uint i = 0; i < p.rows * p.chosen; ++i)
      chosen.push_back(i % 3 == 0 ? p.experts - 1 : (i * 7 + i / 5) % (p.experts - 2));
    const OpData data =
        make_data({.op = OpCode::expert_linear,
                   .in = {f32({p.rows, (p.own != 0 ? p.chosen : 1) * p.k}, Fill::massive),
                          packed_experts(p.experts, p.n, p.k, dtype),
                          exact(DType::u32, {p.rows, p.chosen}, chosen)},
                   .params = ParamBytes(p)});
    SCOPED_TRACE(fmt::format("{} rows, {} of {} experts, {} x {} {}", p.rows, p.chosen, p.experts,
                             p.n, p.k, dtype_name(dtype)));
    const Outputs found = run_backend(*gpu, data);
    EXPECT_EQ(compare(data, run_reference(data), found), "");
    EXPECT_EQ(compare_bits(run_backend(*software, data), found), "");
  }
}

}  // namespace
}  // namespace tepui::test

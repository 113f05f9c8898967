// SPDX-License-Identifier: MIT
// What a Program is planned to be, without a device: which passes layers share, which of them wait
// for each other, and what shared memory they take.
#include <gtest/gtest.h>

#include "backend/registry.h"
#include "backend/vulkan/linear_plan.h"
#include "backend/vulkan/shared_memory.h"
#include "backend/vulkan/statistics_plan.h"
#include "ops/builder.h"

namespace tepui::test {
namespace {

constexpr int kWidth = 64;

class Layers {
 public:
  Value rows(std::int64_t count) { return builder_.input({DType::f32, {count, kWidth}}, "x"); }
  Value weight(const Shape& shape, const std::string& name) {
    return builder_.weight({DType::packed_f16, shape}, name);
  }
  Value linear(Value from, const std::string& name, std::int64_t columns = kWidth) {
    return builder_.linear(from, weight({columns, kWidth}, name), kNone, kNone, TEPUI_ACT_NONE,
                           "y of " + name);
  }
  Builder& builder() { return builder_; }
  Program finish(std::initializer_list<Value> outputs) {
    for (const Value value : outputs) builder_.mark_output(value);
    return builder_.finish().value();
  }

 private:
  Builder builder_;
};

vulkan::DeviceTraits gpu(bool matrices) {
  vulkan::DeviceTraits traits;
  if (matrices) traits.matrix = vulkan::MatrixShape{16, 16, 16};
  traits.subgroup = 32;
  return traits;
}

// The shaders of the linear layers' passes, in order.
std::vector<std::string> shaders_of(const Program& program, bool matrices) {
  std::vector<std::string> shaders;
  for (const auto& plan : vulkan::plan_program(program, gpu(matrices))) {
    const OpCode op = program.steps[plan.steps.front()].op;
    if (op != OpCode::linear && op != OpCode::expert_linear) continue;
    EXPECT_TRUE(plan.passes.back().reads_scratch);
    for (const vulkan::Pass& pass : plan.passes) shaders.push_back(pass.shader);
  }
  return shaders;
}

using Names = std::vector<std::string>;

// Layers that follow each other and read the same rows split them once.
TEST(Plans, ShareTheTermsOfTheSameRows) {
  Layers layers;
  const Value x = layers.rows(70);
  const Value a = layers.linear(x, "a");
  const Value b = layers.linear(x, "b");
  const Value c = layers.linear(a, "c");  // puts its own terms there
  const Value d = layers.linear(x, "d");
  const Program program = layers.finish({b, c, d});
  const std::string kernel = std::string(vulkan::kMatrixShader) + ".small";
  const std::string split = vulkan::kSplitShader;
  EXPECT_EQ(shaders_of(program, true),
            (Names{split, kernel, kernel, split, kernel, split, kernel}));
}

// Those that read the same terms run beside each other.
TEST(Plans, LayersThatOnlyReadTermsWaitForNoOther) {
  Layers layers;
  const Value x = layers.rows(70);
  const Value a = layers.linear(x, "a");
  const Value b = layers.linear(x, "b");
  const Value c = layers.linear(x, "c");
  const Program program = layers.finish({a, b, c});
  const auto counts = vulkan_counts(program, true);
  ASSERT_TRUE(counts);
  std::vector<int> barriers;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    if (program.steps[i].op == OpCode::linear) barriers.push_back((*counts)[i].barriers);
  }
  ASSERT_EQ(barriers.size(), 3U);
  EXPECT_EQ(barriers[1], 0);
  EXPECT_EQ(barriers[2], 0);
}

// Gate and up of a mixture share the lists of who chose whom, and down the same lists where they do
// not lie behind other terms.
TEST(Plans, ShareTheListsOfExperts) {
  constexpr std::int64_t kExperts = 4;
  constexpr uint kChosen = 2;
  Layers layers;
  Builder& builder = layers.builder();
  const Value x = layers.rows(70);
  const auto routed =
      builder.route(builder.input({DType::f32, {70, kExperts}}, "logits"), kChosen, "route");
  const auto experts = [&](Value from, const char* name) {
    return builder.expert_linear(from, layers.weight({kExperts, kWidth, kWidth}, name),
                                 routed.expert, name);
  };
  const Value gate = experts(x, "gate");
  const Value up = experts(x, "up");
  const Value down = experts(builder.act_mul(gate, up, TEPUI_ACT_SILU, "act"), "down");
  const Program program = layers.finish({down});
  const std::string split = vulkan::kSplitShader;
  const std::string lists = vulkan::kListsShader;
  const std::string kernel = std::string(vulkan::kExpertMatrixShader) + ".small";
  EXPECT_EQ(shaders_of(program, true), (Names{split, lists, kernel, kernel, split, lists, kernel}));
  EXPECT_EQ(shaders_of(program, false),
            (Names{lists, "expert_tiles", "expert_tiles", "expert_tiles"}));
}

// Also where the largest tile counts a histogram of its result beside it.
TEST(Plans, FitTheLeastSharedMemory) {
  Layers layers;
  Builder& builder = layers.builder();
  const Value y = layers.linear(layers.rows(2048), "layer", 2048);
  const Value offsets = builder.input({DType::i32, {2}}, "offsets");
  const Value ranks = builder.input({DType::u32, {1, 1}}, "ranks");
  const Value median = builder.quantile_abs(y, offsets, ranks, "median");
  const Value norm = builder.l2_norm(y, "norm");
  const Program program = layers.finish({y, median, norm});
  std::uint64_t most = 0;
  for (const auto& plan : vulkan::plan_program(program, gpu(false))) {
    for (const vulkan::Pass& pass : plan.passes) {
      const auto bytes =
          vulkan::shared_bytes(vulkan::ShaderLibrary::words(pass.shader), pass.constants);
      ASSERT_TRUE(bytes) << pass.shader;
      EXPECT_LE(*bytes, 16384U) << pass.shader;
      if (pass.shader == "linear_tiles") most = std::max(most, *bytes);
    }
  }
  EXPECT_GT(most, 16000U) << "the tapped tile is not the largest";
}

}  // namespace
}  // namespace tepui::test

// SPDX-License-Identifier: MIT
// Keys that a row sees are summed up by stretches, each by a workgroup of its own where rows are
// few: the bits are those of a workgroup that goes through all of them, alone or in a whole
// sequence.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "backend/registry.h"
#include "backend/vulkan/attention_plan.h"
#include "backend/vulkan/attention_stretch.h"
#include "backend/vulkan/context.h"
#include "ops/builder.h"
#include "support/attention_case.h"

namespace tepui::test {
namespace {

constexpr std::size_t kStretch = TEPUI_ATTENTION_STRETCH;

// A software device, taken for a GPU that has much shared memory or little, and as it is.
class AttentionStretches : public testing::Test {
 protected:
  struct Device {
    VkPhysicalDeviceType type;
    std::uint32_t shared;
    std::unique_ptr<Backend> backend = {};
  };

  void SetUp() override {
    if (std::ranges::count(backend_names(), "vulkan") == 0)
      GTEST_SKIP() << "no Vulkan device on this machine";
    for (Device& device : devices_) {
      vulkan::Context::change_devices([&](vulkan::PhysicalDevice& found) {
        found.type = device.type;
        found.limits.maxComputeSharedMemorySize =
            std::min(device.shared, found.limits.maxComputeSharedMemorySize);
      });
      auto made = make_backend("vulkan", {});
      ASSERT_TRUE(made) << made.error().message;
      device.backend = std::move(*made);
    }
  }
  void TearDown() override { vulkan::Context::change_devices(nullptr); }

  // All agree with the definition, and to the bit with each other; what they gave.
  Outputs check(const OpData& data) {
    const Outputs expected = run_reference(data);
    const Outputs first = run_backend(*devices_[0].backend, data);
    EXPECT_EQ(compare(data, expected, first), "");
    for (std::size_t i = 1; i < devices_.size(); ++i)
      EXPECT_EQ(compare_bits(first, run_backend(*devices_[i].backend, data)), "") << i;
    return first;
  }

  // Rows of each sequence by themselves give what they gave in the whole.
  void check_alone(const OpData& whole, const Outputs& all, const std::vector<double>& offsets,
                   const std::vector<RowRange>& kept) {
    const OpData alone = rows_alone(whole, offsets, kept);
    const Outputs expected = rows_among(whole, all, kept);
    EXPECT_EQ(compare_bits(expected, check(alone)), "");
    EXPECT_EQ(compare_bits(expected, check(keys_by_head(alone))), "");
  }

  std::array<Device, 3> devices_{{{VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, 1U << 20},
                                  {VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, 16384},
                                  {VK_PHYSICAL_DEVICE_TYPE_CPU, 1U << 20}}};
};

OpData with_values(OpData data, std::size_t slot, const std::vector<double>& values) {
  data.tensors[slot] = make_tensor(exact(DType::f32, data.types[slot].shape, values), 0);
  return data;
}

// A row of heads of one channel behind `keys` - 1 others.
OpData one_row(const std::vector<double>& keys, Fill values, uint window = 0) {
  const auto count = static_cast<std::size_t>(std::ssize(keys));
  const std::vector<double> offsets{0, static_cast<double>(count)};
  OpData whole =
      make_data(attention_case(offsets, {1, 1, 1}, Fill::normal, values, {.window = window}));
  whole = with_values(whole, 0, std::vector<double>(count, 1.0));
  return rows_alone(with_values(whole, 1, keys), offsets, {{count - 1, count}});
}

// Sequences of less than a stretch, of one and some keys, of as many as two have, and of more.
TEST_F(AttentionStretches, GiveTheBitsOfTheWhole) {
  const std::vector<double> offsets{0, 40, 340, 340 + 2.0 * kStretch, 1100 + 2.0 * kStretch};
  struct Case {
    Fill fill;
    uint window;
  };
  for (const Case& c : {Case{Fill::normal, 0}, {Fill::wide, 300}, {Fill::normal, 520}}) {
    SCOPED_TRACE(fmt::format("fill {}, window {}", static_cast<int>(c.fill), c.window));
    const OpData whole =
        make_data(attention_case(offsets, {3, 1, 4}, c.fill, Fill::massive, {.window = c.window}));
    const Outputs all = check(whole);
    std::vector<RowRange> last;
    for (const double end : offsets) {
      const auto row = static_cast<std::size_t>(end);
      if (row > 0) last.push_back({row - 1, row});
    }
    check_alone(whole, all, offsets, last);
    // Several rows of some, on both sides of a stretch's border, none of another.
    const auto border = static_cast<std::size_t>(offsets[3]) + 2 * kStretch;
    check_alone(whole, all, offsets, {{38, 40}, {40, 40}, {600, 603}, {border - 2, border + 9}});
  }
}

// The token behind each of so many, as when a text is continued.
TEST_F(AttentionStretches, EndAnywhere) {
  const std::vector<double> offsets{0, 800};
  for (const Heads heads : {Heads{2, 2, 5}, {9, 1, 4}}) {
    const OpData whole = make_data(attention_case(offsets, heads, Fill::normal, Fill::normal,
                                                  {.softcap = 3, .bias_positions = 800}));
    const Outputs all = check(whole);
    for (const std::size_t row : {0U, 63U, 255U, 256U, 257U, 512U, 768U, 799U})
      check_alone(whole, all, offsets, {{row, row + 1}});
  }
}

// Every width that has a tile of its own.
TEST_F(AttentionStretches, OfWideHeads) {
  const std::vector<double> offsets{0, 530};
  for (const uint dim : {33U, 64U, 128U, 200U, 321U, 512U}) {
    SCOPED_TRACE(dim);
    const OpData whole =
        make_data(attention_case({0, 530}, {2, 1, dim}, Fill::normal, Fill::normal));
    check(rows_alone(whole, offsets, {{529, 530}}));
    check(rows_alone(whole, offsets, {{507, 516}}));
    check(rows_alone(whole, offsets, {{480, 530}}));
  }
}

// All weight on a key of the first stretch, of one between and of the last, beside massive values.
TEST_F(AttentionStretches, LargestAnywhere) {
  for (const std::size_t at : {3U, 300U, 1090U}) {
    for (const double score : {5.0, 60.0, 8e5}) {
      std::vector<double> keys(1100);
      for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = std::sin(static_cast<double>(i));
      keys[at] = score;
      check(one_row(keys, Fill::normal));
      check(one_row(keys, Fill::massive));
    }
  }
}

// Stretches before a window are not looked at: what a stretch of scores 0 leaves would outweigh
// these.
TEST_F(AttentionStretches, BeforeAWindow) {
  for (const uint window : {300U, 512U, 513U}) {
    std::vector<double> keys(1100);
    for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = std::sin(static_cast<double>(i)) - 200;
    check(one_row(keys, Fill::normal, window));
  }
}

// Stretches all of whose keys have no weight add nothing, wherever they stand.
TEST_F(AttentionStretches, WithoutWeight) {
  for (std::size_t hidden = 0; hidden < 4; ++hidden) {
    std::vector<double> keys(4 * kStretch);
    for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = std::cos(static_cast<double>(i));
    const auto hide = [&](double score) {
      std::fill_n(keys.begin() + static_cast<std::ptrdiff_t>(hidden * kStretch), kStretch, score);
      return one_row(keys, Fill::normal);
    };
    const Outputs low = check(hide(-1000));
    // Nor do those of -infinity, of which the op's bound knows nothing.
    const OpData none = hide(-std::numeric_limits<double>::infinity());
    for (const Device& device : devices_)
      EXPECT_EQ(compare_bits(low, run_backend(*device.backend, none)), "") << hidden;
  }
}

// What is not a number shows, whatever stretch it is in.
TEST_F(AttentionStretches, NothingHidesNan) {
  for (const std::size_t at : {3U, 300U, 1090U}) {
    std::vector<double> keys(1100, 0.5);
    keys[at] = std::numeric_limits<double>::quiet_NaN();
    for (const Device& device : devices_)
      EXPECT_TRUE(
          std::isnan(run_backend(*device.backend, one_row(keys, Fill::normal))[0].view().at(0)));
  }
}

// How many workgroups the passes have, of one row that sees up to so many keys.
std::vector<std::uint64_t> groups_of(AttentionParams p, const vulkan::DeviceTraits& traits) {
  Builder builder;
  const auto floats = [&](std::int64_t rows, uint heads) {
    return builder.input({DType::f32, Shape{rows, std::int64_t{heads} * p.head_dim}}, "x");
  };
  p.form = p.cached != 0 ? TEPUI_ATTEND_ROWS : 0;
  const std::int64_t keys = p.cached != 0 ? p.cached : p.rows;
  const Value q = floats(p.rows, p.heads);
  const Value k = floats(keys, p.kv_heads);
  const Value v = floats(keys, p.kv_heads);
  const std::int64_t ends = std::int64_t{p.sequences} + 1;
  const Shape shape = p.cached != 0 ? Shape{3, ends} : Shape{ends};
  const Value offsets = builder.input({DType::i32, shape}, "offsets");
  const Value y =
      builder.emit(OpCode::attention, {q, k, v, offsets, kNone, kNone, kNone, kNone, kNone},
                   ParamBytes(p), {"y"})[0];
  builder.mark_output(y);
  const Result<Program> finished = builder.finish();
  EXPECT_TRUE(finished) << finished.error().message;
  if (!finished) return {};
  const Program& program = *finished;
  const auto plan = vulkan::plan_attention(program.steps[0], program, traits);
  std::vector<std::uint64_t> groups;
  for (const vulkan::Pass& pass : plan->passes) groups.push_back(pass.groups);
  return groups;
}

TEST(AttentionStretchPlan, TakesFewRowsApart) {
  using Groups = std::vector<std::uint64_t>;
  const auto stretch = static_cast<uint>(kStretch);
  vulkan::DeviceTraits gpu;
  gpu.roomy = true;
  AttentionParams p{1, 32, 8, 128, 1, 0.125F};
  p.cached = 16 * stretch;
  EXPECT_EQ(groups_of(p, gpu), (Groups{8 * 16, 64}));  // a tile may hold two rows
  p.cached = 2 * stretch + 1;
  EXPECT_EQ(groups_of(p, gpu), (Groups{8 * 3, 64}));
  p.cached = stretch;  // one, as it always was
  EXPECT_EQ(groups_of(p, gpu).size(), 1U);
  p.cached = 0;
  p.rows = 16 * stretch;
  EXPECT_EQ(groups_of(p, gpu).size(), 1U);
  p.cached = 16 * stretch;
  p.rows = p.sequences = 100;  // enough of them
  EXPECT_EQ(groups_of(p, gpu).size(), 1U);
  p.rows = p.sequences = 1;
  vulkan::DeviceTraits software;
  software.small_tiles = true;
  EXPECT_EQ(groups_of(p, software).size(), 1U);
}

}  // namespace
}  // namespace tepui::test

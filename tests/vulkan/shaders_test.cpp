// SPDX-License-Identifier: MIT
// The embedded shaders: every op has one, and the validator of SPIR-V accepts them all.
#include <gtest/gtest.h>

#include <cstdlib>

#include "backend/vulkan/matrix_units.h"
#include "backend/vulkan/recorder.h"
#include "backend/vulkan/shader_library.h"
#include "backend/vulkan/shared_memory.h"
#include "ops/check.h"
#include "support/changed_spirv.h"
#include "support/paths.h"
#include "support/run_program.h"
#include "tepui/op.h"

namespace tepui::test {
namespace {

using vulkan::Recorder;
using vulkan::ShaderLibrary;
using vulkan::shared_bytes;

TEST(Shaders, EveryOpHasOne) {
  for (const OpCode code : all_ops()) {
    const std::string name(op_of(code).name);
    const bool plain = ShaderLibrary::has(name) || ShaderLibrary::has(name + ".q1v2");  // by tile
    for (const DType dtype : kStoredDTypes) {
      const std::string variant = fmt::format("{}.{}", name, dtype_name(dtype));
      EXPECT_TRUE(plain || ShaderLibrary::has(variant)) << variant;
    }
  }
}

void expect_valid(std::span<const std::uint32_t> words, const std::filesystem::path& file) {
  write_file(file, std::string(reinterpret_cast<const char*>(words.data()), words.size_bytes()));
  const std::string command = std::string(TEPUI_SPIRV_VAL) +
                              " --target-env vulkan1.2 --scalar-block-layout '" + file.string() +
                              "'";
  EXPECT_EQ(std::system(command.c_str()), 0) << file;
}

// And so are those whose lanes are in another order.
TEST(Shaders, AreValidSpirv) {
  if (std::string(TEPUI_SPIRV_VAL).empty()) GTEST_SKIP() << "spirv-val is not installed";
  const TemporaryFolder folder;
  for (const std::string_view name : ShaderLibrary::names()) {
    if (name.find("matrix") != name.npos || name == vulkan::kWorkgroupShader)
      continue;  // Debian 12's spirv-val does not know their extensions
    const auto words = ShaderLibrary::words(name);
    const std::string file = folder.path() / name;
    expect_valid(words, file + ".spv");
    const auto turned = turn_lanes(words);
    ASSERT_TRUE(turned) << name;
    expect_valid(*turned, file + ".turned.spv");
  }
}

TEST(Shaders, SayWhatSharedMemoryTheyTake) {
  for (const std::string_view name : ShaderLibrary::names())
    EXPECT_TRUE(shared_bytes(ShaderLibrary::words(name), {64, 1, 1, 1, 1, 1, 1})) << name;
  // Two words a lane, by a constant of the pipeline.
  const auto taken = [](std::string_view shader, std::uint32_t lanes) {
    return shared_bytes(ShaderLibrary::words(shader), {lanes});
  };
  EXPECT_EQ(taken("channel_max_abs", 64), 512U);
  EXPECT_EQ(taken("channel_max_abs", 256), 2048U);
  EXPECT_EQ(taken("rope", 64), 0U);
}

TEST(Shaders, GridsStayBelowTheLimitAndMissNoWorkgroup) {
  for (const std::uint64_t groups : {1ULL, 64ULL, 65535ULL, 65536ULL, 70001ULL, 4000000000ULL}) {
    const auto [x, y] = Recorder::fold(groups);
    EXPECT_LE(x, 65535U);
    EXPECT_LE(y, 65535U);
    const std::uint64_t all = std::uint64_t{x} * y;
    EXPECT_GE(all, groups);
    EXPECT_LT(all - groups, y) << "more idle workgroups than a row has to have";
  }
}

}  // namespace
}  // namespace tepui::test

// SPDX-License-Identifier: MIT
// tepui verify as a user runs it. What it says of backends that do not agree is tested where wrong
// ones can be had (tests/study/verify_test.cpp).
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "backend/registry.h"
#include "support/cli_inputs.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui::test {
namespace {

using test::kDemo;

TEST(VerifyCommand, BackendsAgree) {
  const ProgramResult result = run_tepui(
      {"verify", kDemo, "--prompt", "Once.", "--against", "reference", "--backend", "cpu"});
  EXPECT_EQ(result.code, 0) << result.err;
  for (const char* part : {"demo-model: cpu (", "against the references", "linear", "bit-equal",
                           "top_k_abs", "whole programs", "cpu and reference agree."})
    EXPECT_NE(result.out.find(part), std::string::npos) << part << " is not in:\n" << result.out;
}

TEST(VerifyCommand, IdsAndJson) {
  const TemporaryFolder folder;
  const auto ids = folder.path() / "ids.json";
  write_file(ids, "[[1, 5, 9], [3]]");
  const ProgramResult result = run_tepui({"verify", kDemo, "--ids", ids.string(), "--sites", "all",
                                          "--json", "--backend", "cpu", "--against", "reference"});
  EXPECT_EQ(result.code, 0) << result.err;
  const auto document = nlohmann::json::parse(result.out);
  EXPECT_EQ(document["agrees"], true);
  EXPECT_EQ(document["tokens"], 4);
  EXPECT_EQ(document["sequences"], 2);
  EXPECT_TRUE(document["first_deviation"].is_null());
  EXPECT_EQ(document["second"]["backend"], "reference");
  EXPECT_GT(document["ops"].size(), 14U);
}

TEST(VerifyCommand, ADeviceAgainstTheProcessorIsTheDefault) {
  if (std::ranges::count(backend_names(), "vulkan") == 0)
    GTEST_SKIP() << "no Vulkan device on this machine";
  const ProgramResult result = run_tepui({"verify", kDemo, "--prompt", "Once."});
  EXPECT_EQ(result.code, 0) << result.err << result.out;
  EXPECT_NE(result.out.find("vulkan and cpu agree."), std::string::npos) << result.out;
}

TEST(VerifyCommand, AModelThatCannotBeReadIsAnError) {
  const ProgramResult result = run_tepui({"verify", "/no/such/model"});
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(line_count(result.err), 1U) << result.err;
}

}  // namespace
}  // namespace tepui::test

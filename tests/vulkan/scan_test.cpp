// SPDX-License-Identifier: MIT
// A scan on the device as a user runs it: the same document as on the processor, with the same
// findings at the same places.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "backend/registry.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui::test {
namespace {

using nlohmann::json;

class VulkanScan : public testing::Test {
 protected:
  void SetUp() override {
    if (std::ranges::count(backend_names(), "vulkan") == 0)
      GTEST_SKIP() << "no Vulkan device on this machine";
  }

  ProgramResult scan(const std::string& backend, std::vector<std::string> more) const {
    ProgramRun run;
    run.arguments = {"scan",        data_path("demo-model").string(),
                     "--text",      data_path("demo-model/sample.txt").string(),
                     "--context",   "48",
                     "--sequences", "3",
                     "--backend",   backend,
                     "--out",       (folder_.path() / backend).string()};
    run.arguments.insert(run.arguments.end(), more.begin(), more.end());
    ProgramResult result = run_program(run);
    EXPECT_EQ(result.code, 0) << result.err;
    return result;
  }

  TemporaryFolder folder_;
};

// The names of all members, at every depth.
void collect_names(const json& value, const std::string& path, std::set<std::string>& names) {
  if (value.is_array() && !value.empty()) collect_names(value[0], path + "[]", names);
  if (!value.is_object()) return;
  for (const auto& item : value.items()) {
    names.insert(path + "." + item.key());
    collect_names(item.value(), path + "." + item.key(), names);
  }
}

std::set<std::string> names_of(const json& document) {
  std::set<std::string> names;
  collect_names(document, "", names);
  return names;
}

void expect_near(const json& found, const json& expected, const std::string& what) {
  const double value = expected.get<double>();
  EXPECT_NEAR(found.get<double>(), value, 1e-4 * std::abs(value)) << what;
}

TEST_F(VulkanScan, JsonHasTheFindingsOfTheProcessor) {
  const json found = json::parse(scan("vulkan", {"--json", "--sites", "resid_post,mlp_out"}).out);
  const json expected = json::parse(scan("cpu", {"--json", "--sites", "resid_post,mlp_out"}).out);
  EXPECT_EQ(found["backend"], "vulkan");
  EXPECT_EQ(names_of(found), names_of(expected));
  EXPECT_EQ(found["finding"], expected["finding"]);
  ASSERT_EQ(found["layers"].size(), 16U);
  for (std::size_t i = 0; i < found["layers"].size(); ++i) {
    const json& one = found["layers"][i];
    const json& other = expected["layers"][i];
    EXPECT_EQ(one["massive_sequences"], other["massive_sequences"]);
    expect_near(one["median"], other["median"], "median");
    expect_near(one["top_mean"][0], other["top_mean"][0], "top-1");
    expect_near(one["top"][0]["value"], other["top"][0]["value"], "the largest");
    for (const char* place : {"sequence", "position", "channel", "token_id"})
      EXPECT_EQ(one["top"][0][place], other["top"][0][place]) << place;
  }
  ASSERT_EQ(found["massive"].size(), expected["massive"].size());
  EXPECT_GT(found["massive"].size(), 12U);
  for (std::size_t i = 0; i < found["massive"].size(); ++i) {
    for (const char* place : {"layer", "site", "sequence", "position", "channel"})
      EXPECT_EQ(found["massive"][i][place], expected["massive"][i][place]) << place;
    expect_near(found["massive"][i]["value"], expected["massive"][i]["value"], "massive value");
  }
}

// The table says what a reader looks for; the scan's folder serves the other commands.
TEST_F(VulkanScan, TableAndShowTellOfThem) {
  const ProgramResult table = scan("vulkan", {});
  for (const char* part : {"Massive activations in resid_post: layers 1 to 6", "channel 119",
                           "3 of 3 sequences computed"})
    EXPECT_NE(table.out.find(part), std::string::npos) << part << "\n" << table.out;
  const ProgramResult again = scan("vulkan", {});
  EXPECT_NE(again.out.find("nothing had to be computed"), std::string::npos) << again.out;
  const ProgramResult shown = run_tepui({"show", (folder_.path() / "vulkan").string()});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_NE(shown.out.find("vulkan"), std::string::npos);
}

// The document stays one where its counts are asked for as well.
TEST_F(VulkanScan, TraceLeavesJsonAlone) {
  const ProgramResult result = scan("vulkan", {"--json", "--trace"});
  EXPECT_TRUE(json::accept(result.out));
  EXPECT_NE(result.err.find("\nblock 7 "), std::string::npos) << result.err;
}

}  // namespace
}  // namespace tepui::test

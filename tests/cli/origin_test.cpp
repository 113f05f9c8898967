// SPDX-License-Identifier: MIT
// tepui origin as a user runs it, on the bundled model.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/mapped_file.h"
#include "support/cli_inputs.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui {
namespace {

using nlohmann::json;
using test::data_path;
using test::kDemo;
using test::kSample;
using test::ProgramResult;
using test::TemporaryFolder;

class Origin : public testing::Test {
 protected:
  ProgramResult run(std::vector<std::string> arguments) {
    return test::run_program({std::move(arguments), folder_.path(), {}, 0, ""});
  }
  std::string good(std::vector<std::string> arguments) {
    const ProgramResult result = run(std::move(arguments));
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out;
  }
  json document(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    return json::parse(good(std::move(arguments)), nullptr, false);
  }
  std::string error(std::vector<std::string> arguments) {
    const ProgramResult result = run(std::move(arguments));
    EXPECT_EQ(result.code, 2) << result.err;
    EXPECT_EQ(test::line_count(result.err), 1U) << result.err;
    return result.err;
  }
  std::vector<std::string> command(int sequences) const {
    return {"origin",      kDemo, "--text",    kSample, "--sequences", std::to_string(sequences),
            "--min-ratio", "500", "--backend", "cpu"};
  }
  TemporaryFolder folder_;
};

TEST_F(Origin, TellsWhatWritesAndWhatRemoves) {
  const json found = document(command(2));
  EXPECT_EQ(found["rule"], (json{{"min_abs", 100.0}, {"min_ratio", 500.0}}));
  ASSERT_EQ(found["activations"].size(), 4U);  // two channels of the first token of each
  for (const json& one : found["activations"]) {
    EXPECT_EQ(one["position"], 0);
    EXPECT_EQ(one["token"], "<s>");
    EXPECT_TRUE(one["channel"] == 36 || one["channel"] == 119);
    EXPECT_EQ(one["massive_layers"].front(), 1);
    ASSERT_EQ(one["layers"].size(), 8U);
    // What is printed reads back to the same floats, and these add up bit for bit.
    auto sum = one["embedding"].get<float>();
    for (const json& layer : one["layers"]) {
      sum += layer["attention"].get<float>();
      sum += layer["mlp"].get<float>();
      EXPECT_EQ(sum, layer["resid_post"].get<float>());
    }
    const json& first = one["written"].front();
    EXPECT_EQ(first["layer"], 1);
    EXPECT_EQ(first["part"], "mlp");
    EXPECT_GT(first["share"].get<double>(), 0.5);
    EXPECT_EQ(one["removed"].front()["layer"], 7);
    EXPECT_LT(one["removed"].front()["share"].get<double>(), -0.3);
  }
  EXPECT_EQ(found["activations"][1]["channel"], 119);
  EXPECT_NEAR(found["activations"][1]["peak"]["value"].get<double>(), -3498, 1);
}

// The neurons that are named carry the activation: without them it loses what they give.
TEST_F(Origin, TheNamedNeuronsCarryIt) {
  auto arguments = command(1);
  arguments.insert(arguments.end(), {"--neurons", "64"});
  const json found = document(arguments);
  const json& writer = found["activations"][1]["layers"][1];
  std::string channels;
  double given = 0;
  for (const json& neuron : writer["neurons"]) {
    channels += fmt::format("{}{}", channels.empty() ? "" : ",", neuron["neuron"].get<int>());
    given += neuron["gives"].get<double>();
    EXPECT_NEAR(neuron["gives"].get<double>(),
                neuron["activation"].get<double>() * neuron["weight"].get<double>(),
                1e-5 * std::abs(neuron["gives"].get<double>()));
  }
  const auto whole = writer["mlp_out"].get<double>();
  EXPECT_GT(given / whole, 0.5);
  const json edited =
      document({"intervene", kDemo, "--text", kSample, "--sequences", "1", "--branch",
                "off=mlp_act.1:0:" + channels + "=zero", "--backend", "cpu"});
  const auto before = edited["branches"][0]["layers"][1]["top"].get<double>();
  const auto after = edited["branches"][1]["layers"][1]["top"].get<double>();
  EXPECT_NEAR(before, std::abs(writer["resid_post"].get<double>()), 1);
  EXPECT_NEAR(after, before - std::abs(given), 1);
  EXPECT_LT(after, 0.3 * before);
}

TEST_F(Origin, AuditsEverySiteAgainstF16) {
  const json found = document(command(1));
  EXPECT_EQ(found["f16_largest"], 65504);
  int resid = 0;
  for (const json& range : found["ranges"]) {
    const auto value = std::abs(range["value"].get<double>());
    EXPECT_EQ(range["beyond_f16"].get<bool>(), value > 65504);
    EXPECT_NEAR(range["times_f16"].get<double>(), value / 65504, 1e-6);
    if (range["site"] == "resid_post") ++resid;
    if (range["site"] == "resid_post" && range["layer"] == 4) {
      EXPECT_NEAR(value, 3498, 1);
      EXPECT_EQ(range["channel"], 119);
    }
  }
  EXPECT_EQ(resid, 8);
  const std::string table = good(command(1));
  EXPECT_NE(table.find("No value leaves f16 (65504)"), std::string::npos) << table;
  EXPECT_NE(table.find("nothing had to be computed anew"), std::string::npos) << table;
}

TEST_F(Origin, IsResumedShownAndExported) {
  auto whole = command(3);
  whole.insert(whole.end(), {"--out", "whole"});
  const std::string table = good(whole);
  auto parts = command(3);
  parts.insert(parts.end(), {"--out", "parts", "--wave", "1"});
  good(parts);
  const std::string shown = good({"show", "whole"});
  EXPECT_EQ(shown, good({"show", "parts"}));
  EXPECT_EQ(table.find(shown), 0U) << table << shown;
  good({"export", "whole", "--out", "a"});
  good({"export", "parts", "--out", "b"});
  for (const char* name : {"series.csv", "observations.csv"}) {
    const auto text = read_file(folder_.path() / "a" / name);
    ASSERT_TRUE(text);
    EXPECT_EQ(*text, read_file(folder_.path() / "b" / name).value_or("?"));
  }
  const ProgramResult both = run({"show", "whole", "--only", "life"});
  EXPECT_EQ(both.code, 2);
  EXPECT_NE(both.err.find("is shown as a whole"), std::string::npos) << both.err;
}

TEST_F(Origin, ADryRunTellsThePlanAndRunsNothing) {
  auto arguments = command(2);
  arguments.insert(arguments.end(), {"--out", "d", "--dry-run"});
  const std::string plan = good(arguments);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "d"));
  EXPECT_TRUE(plan.starts_with("2 sequences, 512 tokens in ")) << plan;
  for (const char* part : {"\nmemory ", "\nexpected ", "\nmassive       a pass before"})
    EXPECT_NE(plan.find(part), std::string::npos) << part << plan;
}

TEST_F(Origin, NothingMassiveIsSaid) {
  const std::string table =
      good({"origin", kDemo, "--prompt", "Hello", "--min-abs", "1e6", "--backend", "cpu"});
  EXPECT_NE(table.find("No activation of resid_post is massive in 1 sequence."), std::string::npos)
      << table;
  EXPECT_NE(table.find("No value leaves f16"), std::string::npos);
}

TEST_F(Origin, WeightsAloneNameTheChannels) {
  const json found = document({"origin", kDemo, "--weights-only"});
  ASSERT_GE(found["channels"].size(), 4U);
  EXPECT_EQ(found["channels"][0]["channel"], 119);
  std::set<int> first;
  for (int i = 0; i < 4; ++i) first.insert(found["channels"][i]["channel"].get<int>());
  EXPECT_TRUE(first.contains(36));
  const json& place = found["places"][found["channels"][0]["marks"][0]["place"].get<int>()];
  EXPECT_EQ(place["weight"], "attn_norm");  // which hides the channel from attention
  EXPECT_LT(found["channels"][0]["marks"][0]["ratio"].get<double>(), 0.1);
  ASSERT_EQ(found["entries"].size(), 10U);
  EXPECT_EQ(found["entries"][0]["layer"], 1);
  EXPECT_EQ(found["entries"][0]["channel"], 119);
  const std::string table = good({"origin", kDemo, "--weights-only"});
  EXPECT_NE(table.find("Channels that stand out"), std::string::npos) << table;
}

TEST_F(Origin, ErrorsNameWhatWasExpected) {
  EXPECT_NE(error({"origin", kDemo}).find("--text FILE"), std::string::npos);
  EXPECT_NE(error({"origin", kDemo, "--weights-only", "--prompt", "a"}).find("expected no text"),
            std::string::npos);
  EXPECT_NE(error({"origin", kDemo, "--weights-only", "--out", "w"}).find("expected no --out"),
            std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "w"));
  EXPECT_NE(error({"origin", kDemo, "--weights-only", "--dry-run"}).find("expected no --dry-run"),
            std::string::npos);
  EXPECT_NE(error({"origin", kDemo, "--weights-only", "--neurons", "9"})
                .find("expected no --neurons, since no model is run"),
            std::string::npos);
  EXPECT_NE(error({"origin", kDemo, "--prompt", "a", "--deviations", "4"}).find("--weights-only"),
            std::string::npos);
  const std::string opt = data_path("golden/opt-350m").string();
  const ProgramResult result = run({"origin", opt, "--ids", "ids.json"});
  EXPECT_NE(result.code, 0);
}

}  // namespace
}  // namespace tepui

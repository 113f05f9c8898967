// SPDX-License-Identifier: MIT
// tepui attention as a user runs it, held to the float64 reference of the bundled model.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/mapped_file.h"
#include "store/reader.h"
#include "study/attention_report.h"
#include "study/attention_summary.h"
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

const std::string kZeroed = "resid_post.1-6:0:36,119=zero";

class Attention : public testing::Test {
 protected:
  ProgramResult run(std::vector<std::string> arguments) {
    if (arguments.front() == "attention") arguments.insert(arguments.end(), {"--backend", "cpu"});
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
  TemporaryFolder folder_;
};

double mean(const json& values) {
  double sum = 0;
  for (const json& value : values) sum += value.get<double>();
  return sum / static_cast<double>(values.size());
}

// What stays in a narrow terminal can be told apart: each "cos", "var" and "others" stands behind
// the norm that it is said of.
TEST_F(Attention, NarrowTablesKeepWhatMatters) {
  good({"attention", kDemo, "--text", kSample, "--sequences", "2", "--out", "a"});
  auto store = StoreReader::open(folder_.path() / "a");
  ASSERT_TRUE(store) << store.error().message;
  const auto summary = summarise_attention(*store, {});
  ASSERT_TRUE(summary) << summary.error().message;
  for (int columns = 24; columns <= 100; ++columns) {
    SCOPED_TRACE(columns);
    std::istringstream text(attention_table(*summary, Letters::ascii, columns));
    int headings = 0;
    for (std::string line; std::getline(text, line);) {
      EXPECT_LE(line.size(), static_cast<std::size_t>(columns)) << line;
      if (!line.starts_with("layer ")) continue;
      ++headings;
      std::istringstream words(line);
      std::vector<std::string> norm;  // what was said since the last one
      for (std::string word; words >> word;) {
        const bool detail = word == "cos" || word == "var" || word == "others";
        if (!detail)
          norm.assign(1, word);
        else {
          EXPECT_TRUE(norm.front() == "part" || norm.front() == "rest" || norm.front()[0] == '|' ||
                      norm.front() == "peak")
              << line;
          EXPECT_EQ(std::ranges::count(norm, word), 0) << line;
          norm.push_back(word);
        }
      }
      const char* const kept[] = {"tokens", "|h|", " 0"};
      EXPECT_NE(line.find(kept[std::min(headings, 3) - 1]), std::string::npos) << line;
    }
    EXPECT_EQ(headings, 3);
  }
}

// What it found massive was settled when it ran.
TEST_F(Attention, OtherThresholdsAndTheCommandsOfOtherRunsAreRefused) {
  good({"attention", kDemo, "--prompt", "The king", "--edit", kZeroed, "--out", "a"});
  for (const char* command : {"show", "report", "massive"}) {
    const ProgramResult result = run({command, "a", "--min-ratio", "5"});
    EXPECT_EQ(result.code, 2) << command;
    EXPECT_NE(result.err.find("--min-ratio: expected a run that keeps values for other thresholds"),
              std::string::npos)
        << result.err;
  }
  const ProgramResult words = run({"words", "a"});
  EXPECT_NE(words.code, 0);
  EXPECT_NE(words.err.find("found those of tepui attention"), std::string::npos) << words.err;
}

// The whole sample: every layer's attention to position 0, and who holds what is massive. The
// reference's means leave the first 8 queries out; what these give is what --sink-tokens 8 counts.
TEST_F(Attention, AgreesWithTheReference) {
  const json expected = json::parse(read_file(data_path("demo-model/reference.json")).value());
  const auto among = [&](const char* queries) {
    return document(
        {"attention", kDemo, "--text", kSample, "--sink-tokens", queries, "--min-ratio", "500"});
  };
  const json found = among("256");
  const json first = among("8");
  EXPECT_EQ(found["sequences"]["measured"], expected["sequences"]);
  EXPECT_EQ(found["rule"], (json{{"min_abs", 100.0}, {"min_ratio", 500.0}}));
  ASSERT_EQ(found["massive_tokens"].size(), 1U);
  EXPECT_EQ(found["massive_tokens"][0]["position"], 0);
  EXPECT_EQ(found["massive_tokens"][0]["token"], "<s>");
  EXPECT_EQ(found["massive_tokens"][0]["sequences"], 20);
  EXPECT_EQ(found["massive_tokens"][0]["layers"], (json{1, 2, 3, 4, 5, 6}));
  const json& layers = found["branches"][0]["layers"];
  ASSERT_EQ(layers.size(), expected["layers"].size());
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const double all = 256 * mean(layers[layer]["key_receives"]);
    const double early = 8 * mean(first["branches"][0]["layers"][layer]["key_receives"]);
    EXPECT_NEAR((all - early) / 248,
                expected["layers"][layer]["mean_probability_on_position_0"].get<double>(), 1e-6)
        << "layer " << layer;
  }
}

// What makes massive activations an implicit bias: from the layer behind their appearance on the
// token draws attention, its values are small, and its part of the output is nearly one vector.
TEST_F(Attention, TellsThePartOfTheMassiveTokens) {
  const json found = document({"attention", kDemo, "--text", kSample, "--sequences", "3"});
  const json& layers = found["branches"][0]["layers"];
  EXPECT_LT(mean(layers[1]["tokens_receive"]), 0.1);
  EXPECT_GT(mean(layers[2]["tokens_receive"]), 0.6);
  EXPECT_GT(layers[2]["part"]["cosine"].get<double>(), layers[2]["rest"]["cosine"].get<double>());
  EXPECT_LT(layers[2]["part"]["relative_variance"].get<double>(),
            layers[2]["rest"]["relative_variance"].get<double>());
  EXPECT_GT(mean(layers[2]["norms"]["resid_pre"]["tokens"]),
            30 * mean(layers[2]["norms"]["resid_pre"]["others"]));
  EXPECT_EQ(layers[2]["norms"]["k"]["first"].size(), 2U);
  EXPECT_EQ(layers[2]["norms"]["q"]["first"].size(), 6U);
}

TEST_F(Attention, BranchesStandBesideTheUneditedRun) {
  const json found = document(
      {"attention", kDemo, "--text", kSample, "--sequences", "2", "--branch", "zeroed=" + kZeroed});
  ASSERT_EQ(found["branches"].size(), 2U);
  EXPECT_EQ(found["branches"][1]["name"], "zeroed");
  EXPECT_EQ(found["branches"][1]["edits"], kZeroed);
  const json& before = found["branches"][0];
  const json& after = found["branches"][1];
  // Up to the first edit they are one run.
  EXPECT_EQ(before["layers"][1], after["layers"][1]);
  EXPECT_GT(mean(before["layers"][4]["tokens_receive"]),
            mean(after["layers"][4]["tokens_receive"]) + 0.3);
  EXPECT_GT(before["sink_rate"].get<double>(), after["sink_rate"].get<double>());
  const std::string text = good({"attention", kDemo, "--text", kSample, "--sequences", "2",
                                 "--branch", "zeroed=" + kZeroed, "--sink-epsilon", "0.5"});
  EXPECT_NE(text.find("share of attention that the tokens receive"), std::string::npos) << text;
  EXPECT_NE(text.find("nothing had to be computed anew"), std::string::npos) << text;
}

// The sink's own probability, taken away in one layer, and its score hidden in another.
TEST_F(Attention, IsEditedInside) {
  const json found =
      document({"attention", kDemo, "--text", kSample, "--sequences", "2", "--branch",
                "cut=attn_probs.2:0:0-2=zero;attn_scores.5:0:all=const:-1e9"});
  const json& before = found["branches"][0]["layers"];
  const json& after = found["branches"][1]["layers"];
  EXPECT_EQ(before[1], after[1]);
  for (std::size_t head = 0; head < 6; ++head) {
    const double own = after[2]["key_receives"][head].get<double>();
    if (head < 3)
      EXPECT_EQ(own, 0) << head;
    else
      EXPECT_EQ(own, before[2]["key_receives"][head].get<double>()) << head;
    // All but the first token, which sees no other key.
    EXPECT_LT(after[5]["key_receives"][head].get<double>(), 0.02) << head;
    EXPECT_GT(before[5]["key_receives"][head].get<double>(), 0.1) << head;
  }
}

// A run that is cut in units and gone on with, against one in a single unit.
TEST_F(Attention, IsResumedAndExported) {
  const std::vector<std::string> command = {"attention",   kDemo, "--text",       kSample,
                                            "--sequences", "3",   "--map",        "2.4",
                                            "--map",       "3",   "--map-tokens", "20"};
  auto whole = command;
  whole.insert(whole.end(), {"--out", "whole"});
  good(whole);
  auto parts = command;
  parts.insert(parts.end(), {"--out", "parts", "--wave", "1"});
  good(parts);
  EXPECT_EQ(good({"show", "whole"}), good({"show", "parts"}));
  good({"export", "whole", "--out", "a"});
  good({"export", "parts", "--out", "b"});
  const auto file = [&](const char* folder, const char* name) {
    return read_file(folder_.path() / folder / name).value_or("?");
  };
  EXPECT_EQ(file("a", "series.csv"), file("b", "series.csv"));
  EXPECT_EQ(file("a", "observations.csv"), file("b", "observations.csv"));
  EXPECT_NE(file("a", "series.csv").find("0,0,2,attn_probs,map.4,"), std::string::npos);
  EXPECT_NE(file("a", "series.csv").find("0,0,3,attn_scores,map.mean,"), std::string::npos);
  EXPECT_EQ(file("a", "series.csv").find("0,1,2,attn_probs,map.4,"), std::string::npos);
  EXPECT_NE(file("a", "observations.csv").find("0,0,1,resid_post,massive,0,"), std::string::npos);
}

TEST_F(Attention, ErrorsNameWhatWasExpected) {
  const std::vector<std::string> base = {"attention", kDemo, "--prompt", "Hello there"};
  const auto with = [&](std::vector<std::string> more) {
    auto all = base;
    all.insert(all.end(), more.begin(), more.end());
    return error(all);
  };
  EXPECT_NE(with({"--map", "8.0"}).find("expected LAYER.HEAD"), std::string::npos);
  EXPECT_NE(with({"--map", "2.6"}).find("8 layers with 6 heads"), std::string::npos);
  EXPECT_NE(with({"--tokens", "largest"}).find("expected massive, or up to 64 positions"),
            std::string::npos);
  EXPECT_NE(with({"--tokens", "99"}).find("found sequences of at most"), std::string::npos);
  EXPECT_NE(with({"--sink-key", "64"}).find("below --sink-tokens"), std::string::npos);
  EXPECT_NE(with({"--sink-epsilon", "2"}).find("below 1"), std::string::npos);
  EXPECT_NE(with({"--sink-key", "50"}).find("expected a key that some sequence has"),
            std::string::npos);
  EXPECT_NE(with({"--edit", "attn_probs.1:massive:all=zero"}).find("keys by all, a position"),
            std::string::npos);
  EXPECT_NE(error({"attention", kDemo}).find("--text FILE"), std::string::npos);
}

TEST_F(Attention, ADryRunTellsThePlanAndRunsNothing) {
  const std::vector<std::string> command = {
      "attention", kDemo,         "--text", kSample,
      "--out",     "d",           "--edit", "resid_post.first-massive:massive:massive=mean",
      "--dry-run", "--sequences", "3"};
  const ProgramResult plan = run(command);
  ASSERT_EQ(plan.code, 0) << plan.err;
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "d"));
  EXPECT_TRUE(plan.out.starts_with("3 sequences, 768 tokens in ")) << plan.out;
  for (const char* part : {"\nblock runs ", "\nmemory ", "\nexpected ", "\nmeasured ",
                           "\nmassive       a pass before", "\ncalibration   3 sequences before"})
    EXPECT_NE(plan.out.find(part), std::string::npos) << part << plan.out;
  EXPECT_NE(plan.err.find("counted as if all layers were so"), std::string::npos) << plan.err;
  const std::string asked = good({"attention", kDemo, "--prompt", "Hello", "--tokens", "0", "--out",
                                  "d", "--dry-run", "--json"});
  EXPECT_EQ(asked.find("a pass before"), std::string::npos) << asked;
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "d"));
}

TEST_F(Attention, PositionsInPlaceOfMassiveTokens) {
  const json found =
      document({"attention", kDemo, "--prompt", "Hello there, you two.", "--tokens", "0,2-3"});
  EXPECT_EQ(found["positions"], (json{0, 2, 3}));
  EXPECT_TRUE(found["massive_tokens"].empty());
  EXPECT_GT(mean(found["branches"][0]["layers"][4]["tokens_receive"]), 0.3);
}

TEST_F(Attention, CountsTheQueriesThatThereAre) {
  test::write_file(folder_.path() / "two.json", "[[1, 2, 3, 4], [1, 5, 6]]");
  test::write_file(folder_.path() / "same.json", "[[1, 2, 3, 4], [1, 5, 6, 7]]");
  // Without the breaks of lines.
  const auto said = [&](const char* ids, const char* tokens) {
    std::string text =
        good({"attention", kDemo, "--ids", ids, "--tokens", "0", "--sink-tokens", tokens});
    std::ranges::replace(text, '\n', ' ');
    return text;
  };
  EXPECT_NE(said("same.json", "64").find("0.3 of the first 4 queries "), std::string::npos);
  const std::string two = said("two.json", "64");
  EXPECT_NE(two.find("0.3 of at most the first 4 queries "), std::string::npos) << two;
  EXPECT_NE(two.find("per cent of at most the first 4 queries "), std::string::npos) << two;
  EXPECT_NE(said("two.json", "2").find("0.3 of the first 2 queries "), std::string::npos);
  EXPECT_NE(said("two.json", "1").find("0.3 of the first query "), std::string::npos);
}

}  // namespace
}  // namespace tepui

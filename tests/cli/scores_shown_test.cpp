// SPDX-License-Identifier: MIT
// What the terminal and the report's page say of runs that scored their text.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

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

class ScoresShown : public testing::Test {
 protected:
  std::string good(std::vector<std::string> arguments) {
    const auto result = test::run_program({std::move(arguments), folder_.path(), {}, 0, ""});
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out;
  }
  test::TemporaryFolder folder_;
};

TEST_F(ScoresShown, OfAnIntervention) {
  const json run =
      json::parse(good({"intervene", kDemo, "--text", kSample, "--sequences", "2", "--edit",
                        "resid_post.1:0:36,119=zero", "--edit", "resid_post.2:all:all=clip:20",
                        "--min-ratio", "500", "--out", "out", "--json"}));
  const std::string shown = good({"show", "out", "--only", "branches", "--columns", "100"});
  for (const json& branch : run["branches"])
    EXPECT_NE(shown.find(fmt::format("{:.4f}", branch["perplexity"].get<double>())),
              std::string::npos)
        << shown;
  EXPECT_NE(shown.find("over 510 predicted tokens of 2 sequences"), std::string::npos) << shown;

  const json page = json::parse(good({"report", "out", "--json"}))["runs"][0];
  EXPECT_EQ(page["rule"]["min_ratio"], 500);  // that of the run
  const std::string tokens = page["sites"][0]["tokens"]["see"];
  EXPECT_NE(tokens.find("kept no largest |x| of each token"), std::string::npos) << tokens;
  const auto nothing =
      test::run_program({{"show", "out", "--only", "life"}, folder_.path(), {}, 0, ""});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_NE(nothing.err.find("nothing of what --only asks for as life"), std::string::npos)
      << nothing.err;
  const json& branches = page["branches"]["branches"];
  ASSERT_EQ(branches.size(), 3U);
  const json& change = page["words"]["change"];
  ASSERT_EQ(change.size(), 2U);
  EXPECT_EQ(page["words"]["all"], 510);
  for (std::size_t i = 0; i < 3; ++i) {
    const double nll = run["branches"][i]["nll"];
    EXPECT_NEAR(branches[i]["nll"].get<double>(), nll, 1e-6 * nll);
    double sum = 0, bound = 1e-6 * nll;
    for (const json& value : i == 0 ? page["words"]["loss"] : change[i - 1]) {
      sum += value.get<double>();
      // Each is rounded to three digits.
      if (const double size = std::abs(value.get<double>()); size > 0)
        bound += 0.5 * std::pow(10.0, std::floor(std::log10(size)) - 2);
    }
    const double before = i == 0 ? 0.0 : run["branches"][0]["nll"].get<double>();
    EXPECT_LT(bound, 0.005 * nll);
    EXPECT_NEAR(sum, nll - before, bound) << i;
  }
  // The text that is coloured is the text; each sequence begins behind its BOS.
  std::string text;
  for (const json& token : page["words"]["text"]) text += token.get<std::string>();
  text.erase(0, text.find_first_not_of(' '));  // which some tokenizers put before the first word
  const std::string sample = read_file(kSample).value();
  ASSERT_NE(sample.find(text.substr(0, 40)), std::string::npos) << text;
  EXPECT_EQ(text, sample.substr(sample.find(text.substr(0, 40)), text.size()));
  EXPECT_EQ(page["words"]["sequences"][1],
            (json{{"sequence", 1}, {"position", 1}, {"count", 255}}));
  // What is measured begins with the first edit; the other branch is edited a layer later.
  const json& changes = page["branches"]["changes"][0];
  EXPECT_EQ(changes["site"], "resid_post");
  EXPECT_EQ(changes["layers"][0], 1);
  EXPECT_GT(changes["branches"][0][0].get<double>(), 0);
  EXPECT_EQ(changes["branches"][1][0], 0);
  EXPECT_GT(changes["branches"][1][1].get<double>(), 0);
}

TEST_F(ScoresShown, OfAPerplexity) {
  good({"perplexity", kDemo, "--text", kSample, "--sequences", "2", "--out", "out"});
  const std::string shown = good({"show", "out"});
  EXPECT_NE(shown.find("No activations were measured"), std::string::npos) << shown;
  EXPECT_NE(shown.find("unedited"), std::string::npos) << shown;
  const auto massive = test::run_program({{"massive", "out"}, folder_.path(), {}, 0, ""});
  EXPECT_EQ(massive.code, 1);
  EXPECT_NE(massive.err.find("found one of tepui perplexity"), std::string::npos) << massive.err;
  const json page = json::parse(good({"report", "out", "--json"}))["runs"][0];
  EXPECT_EQ(page["branches"]["branches"].size(), 1U);
  EXPECT_FALSE(page.contains("words"));
  EXPECT_TRUE(page["sites"].empty());
  good({"export", "out", "--format", "npz"});
}

}  // namespace
}  // namespace tepui

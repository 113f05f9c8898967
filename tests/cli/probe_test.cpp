// SPDX-License-Identifier: MIT
// tepui probe as a user runs it, on the bundled model.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/mapped_file.h"
#include "support/cli_inputs.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui {
namespace {

using nlohmann::json;
using test::kDemo;
using test::kSample;
using test::ProgramResult;
using test::TemporaryFolder;
using test::write_file;

class Probe : public testing::Test {
 protected:
  ProgramResult run(std::vector<std::string> arguments) {
    if (std::ranges::find(arguments, "--sequences") == arguments.end())
      arguments.insert(arguments.end(), {"--sequences", "10"});
    arguments.insert(arguments.begin(),
                     {"probe", kDemo, "--text", kSample, "--context", "64", "--backend", "cpu"});
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
  static double mean(const json& probe, const char* metric) {
    return probe["numbers"][metric]["mean"].get<double>();
  }
  TemporaryFolder folder_;
};

// Every result with all its controls; what can be read by looking at the token alone is there at
// layer 0, the control task is not.
TEST_F(Probe, TellsWhatIsThereFromWhatIsNot) {
  const json found = document({"--target", "delimiter,position", "--layers", "1", "--seeds", "2",
                               "--folds", "5", "--probe", "linear,sparse", "--channels", "2",
                               "--tolerance", "1e-4", "--out", "p"});
  ASSERT_EQ(found["probes"].size(), 3U);
  const json& linear = found["probes"][0];
  EXPECT_EQ(linear["target"], "delimiter");
  EXPECT_EQ(linear["probe"], "linear");
  EXPECT_EQ(linear["features"], "standardised");
  EXPECT_EQ(linear["layer"], 1);
  EXPECT_GT(mean(linear, "accuracy"), 0.97);
  EXPECT_GT(mean(linear, "mcc"), 0.85);
  EXPECT_GT(mean(linear, "roc_auc"), 0.97);
  EXPECT_GT(mean(linear, "selectivity"), 0.02);
  EXPECT_LT(mean(linear, "random_labels"), mean(linear, "accuracy") - 0.05);
  EXPECT_GT(mean(linear, "compression"), mean(linear, "control_compression"));
  EXPECT_DOUBLE_EQ(mean(linear, "selectivity"), mean(linear, "accuracy") - mean(linear, "control"));
  EXPECT_EQ(mean(linear, "converged"), 1);
  EXPECT_GT(linear["random_model"]["accuracy"]["mean"].get<double>(), 0.8);
  EXPECT_LT(linear["p_value"].get<double>(), 0.1);
  EXPECT_LE(linear["p_value"], linear["false_discovery_rate"]);
  const json& sparse = found["probes"][1];
  EXPECT_EQ(sparse["probe"], "sparse:2");
  EXPECT_EQ(sparse["channels"].size(), 2U);
  const json& position = found["probes"][2];
  EXPECT_EQ(position["target"], "position");
  EXPECT_TRUE(position["numbers"].contains("r2"));
  EXPECT_FALSE(position["numbers"].contains("bits"));

  // Again: nothing is computed. More of it: what is there stays as it is.
  const std::vector<std::string> again = {"--target", "delimiter", "--layers",    "1-2",
                                          "--seeds",  "2",         "--folds",     "5",
                                          "--out",    "p",         "--tolerance", "1e-4"};
  const json more = document(again);
  ASSERT_EQ(more["probes"].size(), 4U);
  EXPECT_EQ(more["probes"][0]["numbers"], linear["numbers"]);
  const std::string text = good(again);
  EXPECT_NE(text.find("nothing had to be computed anew"), std::string::npos) << text;
  EXPECT_NE(text.find("delimiter: linear probe, standardised features, resid_post"),
            std::string::npos)
      << text;
  const ProgramResult table = test::run_program(
      {{"export", "p", "--table", "probes", "--out", "-"}, folder_.path(), {}, 0, ""});
  EXPECT_EQ(table.code, 0) << table.err;
  EXPECT_TRUE(table.out.starts_with("model,target,layer,site,features,probe,seed,metric,value\n"));
  EXPECT_NE(table.out.find("random,delimiter,2,resid_post,standardised,linear,1,accuracy,"),
            std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(
      folder_.path() / "p/probes/linear.delimiter.resid_post.2.standardised.safetensors"));
  // Nothing else is left of what the rows passed through.
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path() / "p"))
    EXPECT_FALSE(entry.path().filename().string().starts_with("tepui-")) << entry.path();
}

// Stored, read back and applied to the same text it gives what it gave; on another text it is
// scored there.
TEST_F(Probe, IsAppliedToOtherText) {
  good({"--target", "delimiter,position", "--layers", "1", "--seeds", "1", "--controls", "none",
        "--tolerance", "1e-4", "--out", "p", "--features", "standardised"});
  const json found = document({"--apply", "p", "--sequences", "30", "--predictions", "all.tsv"});
  EXPECT_EQ(found["sequences"], 30);
  ASSERT_EQ(found["probes"].size(), 2U);
  EXPECT_EQ(found["probes"][0]["target"], "delimiter");
  EXPECT_GT(found["probes"][0]["numbers"]["accuracy"].get<double>(), 0.95);
  EXPECT_EQ(found["probes"][0]["scored"], 30 * 64);
  EXPECT_LT(found["probes"][1]["numbers"]["r2"].get<double>(), 1);
  const std::string predictions = read_file(folder_.path() / "all.tsv").value();
  EXPECT_EQ(test::line_count(predictions), 1U + 2 * 30 * 64);
  EXPECT_NE(predictions.find("linear.delimiter.resid_post.1.standardised\t0\t1\t"),
            std::string::npos);
  EXPECT_NE(predictions.find("standardised\t0\t0\t<s>\t"), std::string::npos);
  const std::filesystem::path stored =
      folder_.path() / "p/probes/linear.delimiter.resid_post.1.standardised.safetensors";
  std::filesystem::resize_file(stored, std::filesystem::file_size(stored) - 4);
  const ProgramResult cut = run({"--apply", "p"});
  EXPECT_EQ(cut.code, 1);
  EXPECT_NE(cut.err.find("standardised.safetensors"), std::string::npos) << cut.err;
  EXPECT_NE(error({"--apply", "p", "--target", "first"}).find("found both"), std::string::npos);
}

// Massive activations tell themselves by their own channels alone, and labels come from files.
// Massive tokens are those that it learnt, whatever the thresholds are by default.
TEST_F(Probe, AppliesTheThresholdsThatItLearnt) {
  good({"--target", "massive", "--min-ratio", "10", "--min-abs", "5", "--layers", "3", "--seeds",
        "1", "--controls", "none", "--probe", "means", "--out", "m"});
  const auto scored = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"--apply", "m", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  };
  const ProgramResult plain = scored({});
  EXPECT_EQ(plain.code, 0) << plain.err;
  EXPECT_EQ(json::parse(plain.out)["probes"],
            json::parse(scored({"--min-ratio", "10", "--min-abs", "5"}).out)["probes"]);
  EXPECT_NE(scored({"--min-ratio", "500"}).err.find("massive tokens are those it learnt, |x| > 5"),
            std::string::npos);
  EXPECT_GT(json::parse(plain.out)["probes"][0]["numbers"]["accuracy"].get<double>(), 0.6);
}

TEST_F(Probe, TargetsOfTheRunAndOfFiles) {
  const json found = document({"--target", "massive", "--layers", "3", "--min-ratio", "500",
                               "--features", "only-massive+standardised,without-massive", "--seeds",
                               "1", "--controls", "none", "--tolerance", "1e-3", "--out", "m"});
  ASSERT_EQ(found["probes"].size(), 2U);
  EXPECT_EQ(found["rule"], (json{{"min_abs", 100.0}, {"min_ratio", 500.0}}));
  EXPECT_EQ(mean(found["probes"][0], "accuracy"), 1);
  std::string labels = "sequence\tposition\tlabel\n";
  for (int sequence = 0; sequence < 10; ++sequence)
    for (int position = 0; position < 64; ++position)
      labels += std::to_string(sequence) + "\t" + std::to_string(position) + "\t" +
                (position == 0       ? "begin"
                 : position % 3 == 0 ? "three"
                                     : "other") +
                "\n";
  write_file(folder_.path() / "labels.tsv", labels);
  const json own =
      document({"--target", "labels", "--labels", "labels.tsv", "--layers", "0", "--seeds", "1",
                "--controls", "control-task", "--tolerance", "1e-2", "--out", "l"});
  ASSERT_EQ(own["probes"].size(), 1U);
  EXPECT_GT(mean(own["probes"][0], "accuracy"), 0.4);
  EXPECT_TRUE(own["probes"][0]["random_model"].empty());
  const json more =
      document({"--target", "first", "--labels", "labels.tsv", "--layers", "0", "--seeds", "1",
                "--controls", "control-task", "--tolerance", "1e-2", "--out", "l"});
  EXPECT_EQ(more["probes"].size(), 2U);  // the store of these labels
  write_file(folder_.path() / "labels.tsv", labels + "3\t70\tother\n");
  const ProgramResult wrong = run({"--target", "labels", "--labels", "labels.tsv"});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_NE(wrong.err.find("labels.tsv: line 642"), std::string::npos) << wrong.err;
  // One word among many numbers makes no classes of the numbers.
  labels = "sequence\tposition\tlabel\n0\t0\tnone\n";
  for (int position = 1; position < 64; ++position)
    for (int sequence = 0; sequence < 2; ++sequence)
      labels += fmt::format("{0}\t{1}\t{1}.{0}\n", sequence, position);
  write_file(folder_.path() / "labels.tsv", labels);
  EXPECT_NE(run({"--target", "labels", "--labels", "labels.tsv"})
                .err.find("found 126 different numbers and \"none\""),
            std::string::npos);
}

TEST_F(Probe, ADryRunTellsThePlanAndRunsNothing) {
  const std::string plan = good({"--target", "delimiter,massive", "--layers", "1-2", "--seeds", "2",
                                 "--out", "d", "--dry-run"});
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "d"));
  EXPECT_TRUE(plan.starts_with("probes        4, 2 splits each, and as many of a random model\n"))
      << plan;
  for (const char* part : {"\nrows ", "1 for massive activations", "\neach pass     10 sequences",
                           "\nmemory ", "\nexpected "})
    EXPECT_NE(plan.find(part), std::string::npos) << part << plan;
  EXPECT_NE(error({"--apply", "p", "--dry-run"}).find("goes with --target"), std::string::npos);
}

TEST_F(Probe, RefusesWhatWouldChangeNothing) {
  EXPECT_NE(
      error({"--apply", "p", "--folds", "4"}).find("--folds: goes with --target, found --apply"),
      std::string::npos);
  EXPECT_NE(error({"--apply", "p", "--out", "d"}).find("--out: goes with --target"),
            std::string::npos);
  EXPECT_NE(error({"--target", "first", "--probe", "linear,sparse", "--hidden", "8"})
                .find("--hidden: goes with --probe mlp1 or mlp2, found linear,sparse"),
            std::string::npos);
  EXPECT_NE(error({"--target", "first", "--channels", "2"})
                .find("--channels: goes with --probe sparse, found linear"),
            std::string::npos);
  EXPECT_NE(error({"--target", "first", "--probe", "sparse", "--channels", "500"})
                .find("--channels 500: expected at most the 192 of resid_post"),
            std::string::npos);
}

TEST_F(Probe, SaysWhatIsWrong) {
  EXPECT_NE(error({"--target", "nonsense"}).find("expected some of massive, first"),
            std::string::npos);
  EXPECT_NE(error({"--target", "first", "--probe", "ridge"}).find("expected a probe for those"),
            std::string::npos);
  EXPECT_NE(error({"--target", "first", "--sequences", "3"}).find("at least 5 sequences"),
            std::string::npos);
  EXPECT_NE(error({"--target", "first", "--features", "raws"}).find("--features raws"),
            std::string::npos);
  EXPECT_NE(error({"--target", "labels"}).find("expected --labels FILE beside it"),
            std::string::npos);
  EXPECT_NE(error({"--target", "massive", "--min-ratio", "1e9", "--layers", "0"})
                .find("lower --min-ratio"),
            std::string::npos);
  EXPECT_NE(error({"--target", "first", "--controls", "some"}).find("--controls some"),
            std::string::npos);
  EXPECT_NE(error({"--target", "first", "--site", "mlp_act", "--features", "without-massive"})
                .find("the residual stream"),
            std::string::npos);
}

}  // namespace
}  // namespace tepui

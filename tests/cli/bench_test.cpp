// SPDX-License-Identifier: MIT
// tepui bench as a user runs it. How fast anything is, no test says.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "backend/registry.h"
#include "base/mapped_file.h"
#include "support/cli_inputs.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui::test {
namespace {

using nlohmann::json;

ProgramResult bench(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "bench");
  return run_tepui(arguments);
}

json bench_document(std::vector<std::string> arguments) {
  arguments.emplace_back("--json");
  const ProgramResult result = bench(std::move(arguments));
  EXPECT_EQ(result.code, 0) << result.err;
  return json::parse(result.out);
}

// 2 rows x 2 sequences of 16 tokens, three times each, with and without statistics.
TEST(Bench, MeasuresTypesInRounds) {
  const json found = bench_document({kDemo, "--types", "f32,q8_0", "--lengths", "16", "--tokens",
                                     "32", "--rounds", "3", "--threads", "1"});
  ASSERT_EQ(found["rows"].size(), 2U);
  EXPECT_EQ(found["layers"], found["of_layers"]);
  EXPECT_EQ(found["rows"][0]["type"], "f32");
  EXPECT_EQ(found["rows"][1]["type"], "q8_0");
  for (const json& row : found["rows"]) {
    EXPECT_EQ(row["sequences"], 2);
    EXPECT_EQ(row["seconds"].size(), 3U);
    EXPECT_EQ(row["seconds_with_statistics"].size(), 3U);
    for (const json& seconds : row["seconds"]) EXPECT_GT(seconds.get<double>(), 0);
    EXPECT_GT(row["share_of_peak"]["median"].get<double>(), 0);
    EXPECT_LE(row["tokens_per_second"]["least"], row["tokens_per_second"]["most"]);
    // Of the linear layers 2 x weights x tokens, and some for attention and norms.
    const double linear = 2.0 * 32 * 8 * (192.0 * 192 * 2 + 192.0 * 64 * 2 + 3.0 * 192 * 512);
    EXPECT_GT(row["flops"].get<double>(), linear);
    EXPECT_LT(row["flops"].get<double>(), 1.1 * linear);
  }
}

TEST(Bench, MeasuresScoresAndGeneration) {
  const json found = bench_document(
      {kDemo, "--lengths", "16", "--tokens", "16", "--rounds", "2", "--scores", "--generate", "4"});
  const json& row = found["rows"][0];
  EXPECT_EQ(row["type"], "as stored");
  for (const char* figure : {"scored_tokens_per_second", "scored_share_of_peak",
                             "generated_tokens_per_second", "generated_share_of_memory_rate"})
    EXPECT_GT(row[figure]["median"].get<double>(), 0) << figure;
}

TEST(Bench, MeasuresSomeLayersOfANamedShape) {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "kept.json").string();
  const ProgramResult result =
      bench({"--shape", "llama-25m", "--layers", "1", "--lengths", "8", "--tokens", "8", "--rounds",
             "1", "--types", "bf16", "--out", file});
  EXPECT_EQ(result.code, 0) << result.err;
  for (const char* part : {"llama-25m, 1 of 4 layers, times scaled to all", "bf16", "tokens/s"})
    EXPECT_NE(result.out.find(part), std::string::npos) << part << " is not in:\n" << result.out;
  // FLOPs, too, are of all layers.
  const json kept = json::parse(read_file(file).value());
  const json whole =
      bench_document({"--shape", "llama-25m", "--predict", "h100", "--lengths", "8"});
  double flops = 0;
  for (const json& part : whole["parts"])
    flops += part["flops"].get<double>() * part["times"].get<double>();
  EXPECT_NEAR(kept["rows"][0]["flops"].get<double>() / flops, 1, 0.01);
}

// 70 billion parameters of which none is anywhere: everything follows from the shapes.
TEST(Bench, PredictsWithoutDeviceAndWeights) {
  const json found =
      bench_document({"--shape", "llama-70b", "--predict", "h100", "--lengths", "128", "--head"});
  ASSERT_EQ(found["parts"].size(), 4U);
  EXPECT_EQ(found["parts"][1]["times"], 80);
  EXPECT_EQ(found["parts"][3]["times"], 4);  // tiles of the vocabulary
  const double linear = 2.0 * 128 * (2 * 8192.0 * 8192 + 2 * 8192.0 * 1024 + 3 * 8192.0 * 28672);
  double flops = 0;
  for (const json& step : found["parts"][1]["steps"]) {
    if (built_with_vulkan()) {
      EXPECT_LE(step["dispatches"], 6);
    }
    if (step["op"] != "linear") continue;
    flops += step["flops"].get<double>();
    EXPECT_EQ(step["limit"], "compute");
  }
  EXPECT_NEAR(flops / linear, 1, 1e-3);
  EXPECT_GT(found["parts"][1]["host_bytes"], 0);
  EXPECT_EQ(found["parts"][0]["host_bytes"], 0);
  EXPECT_FALSE(found.contains("measured"));
}

// Weights are read, and come from the host, as narrow as they are stored.
TEST(Bench, PredictsTheBytesOfTheStoredType) {
  const auto layer = [](const std::string& type) {
    return bench_document({"--shape", "llama-8b", "--predict", "h100", "--lengths", "16", "--types",
                           type})["parts"][1];
  };
  const auto bytes = [](const json& part) {
    double sum = 0;
    for (const json& step : part["steps"])
      if (step["op"] == "linear") sum += step["bytes"].get<double>();
    return sum;
  };
  const json wide = layer("f32");
  const json narrow = layer("q8_0");
  const double weights = 2 * 4096.0 * 4096 + 2 * 4096.0 * 1024 + 3 * 4096.0 * 14336;
  EXPECT_EQ(bytes(wide) - bytes(narrow), weights * (4 - 34.0 / 32));
  const double norms = 2 * 4096 * 4;
  EXPECT_EQ(narrow["weight_bytes"].get<double>(), weights * 34 / 32 + norms);
}

// Tiles of eight positions read the keys and values before them, of which a cache of 50 MB holds a
// part; a token alone reads them once, and all weights.
TEST(Bench, PredictsWhatIsReadAgain) {
  const json found = bench_document({"--shape", "llama-8b", "--predict", "h100", "--lengths",
                                     "8000", "--types", "q8_0", "--generate", "5"});
  const double key = 2 * 4 * 8 * 128.0;  // with its value, of a layer
  if (built_with_vulkan()) {
    const json* attention = nullptr;
    for (const json& step : found["parts"][1]["steps"])
      if (step["op"] == "attention") attention = &step;
    ASSERT_NE(attention, nullptr);
    const double again = (8.0 * 1000 * 1001 / 2 - 8000) * key;
    const double kept = 50e6 / (8000 * key);
    EXPECT_NEAR((*attention)["cached_bytes"].get<double>() / (again * kept), 1, 1e-9);
    const double once = 8000 * (key + 2 * 4 * 4096.0);
    EXPECT_NEAR((*attention)["bytes"].get<double>() / (once + again * (1 - kept)), 1, 1e-5);
  }
  const json& token = found["token"];
  EXPECT_EQ(token["number"], 8003);
  const double beside = token["bytes"].get<double>() - token["weight_bytes"].get<double>();
  EXPECT_GT(beside, 32 * 8003 * key);
  // What each stretch of 256 keys leaves of a head: values, maximum and sum, written and read.
  const double left = built_with_vulkan() ? 2 * 32 * 32 * 32 * (128 + 2) * 4.0 : 0;
  EXPECT_LT(beside, 1.02 * 32 * 8003 * key + left);
}

TEST(Bench, StandsBesideWhatWasMeasuredWhereTheDeviceIs) {
  const json found =
      bench_document({kDemo, "--predict", "cpu", "--lengths", "32", "--rounds", "3"});
  ASSERT_TRUE(found.contains("measured"));
  double seconds = 0;
  for (const json& step : found["measured"]["steps"]) seconds += step["measured"].get<double>();
  EXPECT_GT(seconds, 0);
  EXPECT_EQ(found["measured"]["steps"].size(), found["parts"][1]["steps"].size());
}

TEST(Bench, ErrorsSayWhatWasExpected) {
  const auto error = [](std::vector<std::string> arguments) {
    const ProgramResult result = bench(std::move(arguments));
    EXPECT_EQ(result.code, 2);
    EXPECT_EQ(line_count(result.err), 1U) << result.err;
    return result.err;
  };
  EXPECT_NE(error({}).find("expected MODEL or --shape NAME, found neither"), std::string::npos);
  EXPECT_NE(error({kDemo, "--shape", "llama-8b"}).find("found both"), std::string::npos);
  EXPECT_NE(error({"--shape", "llama-9b"}).find("llama-8b"), std::string::npos);
  EXPECT_NE(error({kDemo, "--types", "f8"}).find("expected f32, f16, bf16 or q8_0, found \"f8\""),
            std::string::npos);
  EXPECT_NE(error({"--shape", "llama-25m", "--layers", "1", "--scores"}).find("no --layers"),
            std::string::npos);
  EXPECT_NE(error({kDemo, "--predict", "h900"}).find("h100"), std::string::npos);
  EXPECT_NE(error({kDemo, "--lengths", "4096"}).find("the model's context, found 4096"),
            std::string::npos);
}

}  // namespace
}  // namespace tepui::test

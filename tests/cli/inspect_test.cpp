// SPDX-License-Identifier: MIT
// tepui inspect: what a model is, as text and as JSON.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/paths.h"
#include "support/run_program.h"

namespace tepui {
namespace {

using nlohmann::json;
using test::data_path;
using test::run_tepui;

json inspected(const std::string& path) {
  const auto result = run_tepui({"inspect", data_path(path).string(), "--json"});
  EXPECT_EQ(result.code, 0) << result.err;
  return json::parse(result.out);
}

const json& entry(const json& list, const std::string& key, const std::string& name) {
  for (const json& one : list)
    if (one[key] == name) return one;
  ADD_FAILURE() << name << " is not in " << list;
  return list;
}

TEST(Inspect, TextSaysWhatTheModelIs) {
  const auto result = run_tepui({"inspect", data_path("demo-model").string()});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  for (const char* part : {"demo-model: llama, 3.94 million parameters (safetensors)",
                           "layers      8 of width", "RMSNorm", "rotary over", "bf16",
                           "BOS \"<s>\" (1) is put before", "resid_post", "runs on     cpu ("})
    EXPECT_NE(result.out.find(part), std::string::npos) << part << " is not in:\n" << result.out;
}

TEST(Inspect, JsonOfBothContainersAgrees) {
  const json folder = inspected("golden/llama-head-dim");
  const json file = inspected("gguf/llama-head-dim.gguf");
  EXPECT_EQ(folder["container"], "safetensors");
  EXPECT_EQ(file["container"], "GGUF");
  for (const char* key : {"architecture", "differs", "shape", "parameters", "sites"})
    EXPECT_EQ(folder[key], file[key]) << key;
  EXPECT_EQ(folder["shape"]["head_dim"], 16);
  EXPECT_EQ(folder["weights"][0]["dtype"], "f32");
  EXPECT_EQ(folder["parameters"], folder["weights"][0]["elements"]);
  EXPECT_TRUE(folder["tokenizer"].contains("missing"));
  const json& cpu = entry(folder["backends"], "backend", "cpu");
  EXPECT_EQ(cpu["runs"], true);
  EXPECT_GT(cpu["weights_bytes"], cpu["smallest_bytes"]);
  EXPECT_EQ(cpu["sequence_tokens"], 32);
}

TEST(Inspect, SitesThatTheModelLacksHaveAReason) {
  const json gpt2 = inspected("gguf/gpt2-new.gguf");
  EXPECT_EQ(entry(gpt2["sites"], "site", "mlp_pre_linear")["missing"],
            "its MLP has one projection and no gate");
  EXPECT_EQ(entry(gpt2["sites"], "site", "mlp_act")["width"], 128);
  EXPECT_EQ(entry(inspected("demo-model")["sites"], "site", "mlp_pre_linear").count("missing"), 0U);
}

TEST(Inspect, WhatIsNoModelIsAnError) {
  const auto result = run_tepui({"inspect", data_path("study").string()});
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("expected a model folder with config.json or a .gguf file, found none"),
            std::string::npos)
      << result.err;
}

TEST(Inspect, FrequenciesWithFactorsOfTheirOwnHaveNoCommonOne) {
  const json rope = inspected("gguf/llama3-rope.gguf")["shape"]["rope"];
  EXPECT_EQ(rope["scaling"], "by_frequency") << rope;
  EXPECT_TRUE(rope["factor"].is_null()) << rope;
  EXPECT_EQ(rope["short_factors"], rope["long_factors"]);
}

}  // namespace
}  // namespace tepui

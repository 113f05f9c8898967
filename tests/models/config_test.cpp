// SPDX-License-Identifier: MIT
// config.json in every spelling that published models use, and in many that none should.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "base/mapped_file.h"
#include "models/config.h"
#include "models/rope_table.h"
#include "support/paths.h"

namespace tepui {
namespace {

using nlohmann::json;

json llama() {
  return {{"model_type", "llama"},         {"hidden_size", 64},        {"intermediate_size", 96},
          {"num_hidden_layers", 2},        {"num_attention_heads", 4}, {"vocab_size", 100},
          {"max_position_embeddings", 128}};
}

json gpt2() {
  return {{"model_type", "gpt2"}, {"n_embd", 64},      {"n_layer", 2},
          {"n_head", 4},          {"vocab_size", 100}, {"n_positions", 128}};
}

ModelSpec good(const json& config) {
  auto spec = read_config(config.dump(), "config.json");
  EXPECT_TRUE(spec) << spec.error().message;
  return spec.value_or(ModelSpec{});
}

void expect_error(const json& config, const std::vector<std::string>& parts) {
  const auto spec = read_config(config.dump(), "folder/config.json");
  ASSERT_FALSE(spec) << config.dump();
  EXPECT_EQ(spec.error().message.find("folder/config.json: "), 0U) << spec.error().message;
  for (const std::string& part : parts)
    EXPECT_NE(spec.error().message.find(part), std::string::npos)
        << part << " is not in: " << spec.error().message;
}

json with(json config, const std::string& key, const json& value) {
  config[key] = value;
  return config;
}

TEST(Config, WhatLlamaLeavesOutHasTheFamilysDefault) {
  const Dims dims = good(llama()).dims;
  EXPECT_EQ(dims.kv_heads, 4);
  EXPECT_EQ(dims.head_dim, 16);
  EXPECT_EQ(dims.norm_eps, 1e-6F);
  EXPECT_EQ(dims.act, static_cast<std::uint32_t>(TEPUI_ACT_SILU));
  EXPECT_FALSE(dims.tied || dims.attention_bias || dims.mlp_bias);
  EXPECT_EQ(dims.rope.theta, 10000.0);
  EXPECT_EQ(dims.rope.rotary_dim, 16);
  EXPECT_EQ(dims.rope.scaling, RopeScaling::none);
  json bare = llama();
  bare.erase("max_position_embeddings");
  EXPECT_EQ(good(bare).dims.context, 2048);
}

TEST(Config, WhatGpt2LeavesOutHasTheFamilysDefault) {
  const Dims dims = good(gpt2()).dims;
  EXPECT_EQ(dims.hidden, 256);
  EXPECT_EQ(dims.kv_heads, 4);
  EXPECT_EQ(dims.norm_eps, 1e-5F);
  EXPECT_EQ(dims.act, static_cast<std::uint32_t>(TEPUI_ACT_GELU_TANH));
  EXPECT_TRUE(dims.tied);
  EXPECT_TRUE(dims.scale_scores);
  EXPECT_FALSE(dims.scale_by_inverse_layer);
}

TEST(Config, OldSpellingsMeanTheSame) {
  json old = gpt2();
  old.erase("n_positions");
  old["n_ctx"] = 128;
  EXPECT_EQ(good(old).dims.context, 128);
  const json names = {{"model_type", "gpt2"},   {"hidden_size", 64},
                      {"num_hidden_layers", 2}, {"num_attention_heads", 4},
                      {"vocab_size", 100},      {"max_position_embeddings", 128}};
  EXPECT_EQ(configuration_fingerprint(good(names)), configuration_fingerprint(good(gpt2())));
  json first = llama();
  first.erase("max_position_embeddings");
  first["max_sequence_length"] = 64;  // the first converted checkpoints
  EXPECT_EQ(good(first).dims.context, 64);
}

TEST(Config, TheArchitectureIsFoundByTypeAndElseByClass) {
  for (const char* name : {"LlamaForCausalLM", "LLaMAForCausalLM"}) {
    json config = llama();
    config.erase("model_type");
    config["architectures"] = {name};
    EXPECT_EQ(good(config).arch->name, "llama");
  }
  EXPECT_EQ(good(with(gpt2(), "architectures", {"Unheard"})).arch->name, "gpt2");
  json unknown = with(llama(), "model_type", "mamba");
  unknown["architectures"] = {"LlamaForCausalLM"};  // the type is more exact than the class
  expect_error(unknown, {"unknown architecture", "mamba", "llama, gpt2"});
  expect_error(json::object(), {"unknown architecture"});
  expect_error(with(llama(), "model_type", 7), {"unknown architecture"});
  expect_error(with(json::object(), "architectures", "LlamaForCausalLM"), {"unknown"});
  expect_error(with(json::object(), "model_type", "a\nb\x01"), {"a\\x0ab\\x01"});
}

TEST(Config, EverySizeMustBeThereAndBeASize) {
  for (const char* key : {"hidden_size", "intermediate_size", "num_hidden_layers",
                          "num_attention_heads", "vocab_size"}) {
    SCOPED_TRACE(key);
    json without = llama();
    without.erase(key);
    expect_error(without, {"expected key", key, "found none"});
    expect_error(with(llama(), key, nullptr), {key, "found none"});
    for (const json& wrong :
         {json("64"), json(64.0), json(0), json(-64), json(true), json::array(), json::object(),
          json(1e300), json(4294967296LL), json(18446744073709551615ULL)})
      expect_error(with(llama(), key, wrong), {key, "expected a whole number from 1"});
  }
  for (const char* key : {"n_embd", "n_layer", "n_head", "n_positions", "n_inner"})
    expect_error(with(gpt2(), key, "many"), {key, "\"many\""});
  EXPECT_EQ(good(with(gpt2(), "n_inner", nullptr)).dims.hidden, 256);
}

TEST(Config, AbsurdSizesAreErrorsAndNeverOverflow) {
  expect_error(with(llama(), "num_hidden_layers", 1 << 30), {"num_hidden_layers"});
  expect_error(with(gpt2(), "n_embd", 1 << 29), {"n_embd"});
  json wide = with(gpt2(), "n_embd", 1 << 28);
  EXPECT_EQ(good(wide).dims.hidden, 1 << 30);
  json heads = with(llama(), "head_dim", 1 << 28);
  expect_error(heads, {"heads times head size", "4 x 268435456"});
  json far = with(llama(), "rope_scaling", {{"type", "dynamic"}, {"factor", 1e11}});
  EXPECT_EQ(longest_context(good(far).dims), 1 << 30);
}

TEST(Config, ScalingHasAType) {
  expect_error(with(llama(), "rope_scaling", {{"factor", 8.0}}),
               {"rope_scaling", "expected \"rope_type\" beside \"factor\", found none"});
  expect_error(with(llama(), "rope_scaling", {{"rope_type", nullptr}, {"low_freq_factor", 1.0}}),
               {"expected \"rope_type\" beside \"low_freq_factor\""});
  EXPECT_EQ(good(with(llama(), "rope_scaling", {{"rope_type", "default"}})).dims.rope.scaling,
            RopeScaling::none);
}

TEST(Config, SizesThatContradictEachOther) {
  expect_error(with(llama(), "num_attention_heads", 5), {"divide the width of 64", "found 5"});
  expect_error(with(llama(), "num_key_value_heads", 3), {"divide the 4 heads", "found 3"});
  expect_error(with(llama(), "num_key_value_heads", 8), {"divide the 4 heads", "found 8"});
  expect_error(with(llama(), "head_dim", 15), {"even head size", "found 15"});
  EXPECT_EQ(good(with(llama(), "head_dim", 32)).dims.head_dim, 32);  // not width / heads: allowed
}

TEST(Config, SwitchesAndNumbersOfTheWrongType) {
  for (const char* key : {"attention_bias", "mlp_bias", "tie_word_embeddings"}) {
    expect_error(with(llama(), key, 1), {key, "expected true or false, found 1"});
    expect_error(with(llama(), key, "true"), {key, "found \"true\""});
    EXPECT_TRUE(read_config(with(llama(), key, nullptr).dump(), "c"));
  }
  EXPECT_TRUE(good(with(llama(), "tie_word_embeddings", true)).dims.tied);
  EXPECT_FALSE(good(with(gpt2(), "tie_word_embeddings", false)).dims.tied);
  for (const json& wrong : {json("1e-5"), json(-1e-5), json(1.5), json::array()})
    expect_error(with(llama(), "rms_norm_eps", wrong), {"rms_norm_eps", "from 0 to 1"});
  EXPECT_EQ(good(with(llama(), "rms_norm_eps", 1e-5)).dims.norm_eps, 1e-5F);
}

TEST(Config, QuantizedModelsAreRefusedAtOnce) {
  expect_error(with(llama(), "quantization_config", {{"quant_method", "gptq"}, {"bits", 4}}),
               {"expected weights in f32, f16 or bf16", "quantization_config"});
  good(with(llama(), "quantization_config", nullptr));
}

TEST(Config, ActivationsByAllTheirNames) {
  const std::pair<const char*, std::uint32_t> names[] = {
      {"silu", TEPUI_ACT_SILU},          {"swish", TEPUI_ACT_SILU},
      {"gelu", TEPUI_ACT_GELU_ERF},      {"gelu_python", TEPUI_ACT_GELU_ERF},
      {"gelu_new", TEPUI_ACT_GELU_TANH}, {"gelu_pytorch_tanh", TEPUI_ACT_GELU_TANH},
      {"relu", TEPUI_ACT_RELU}};
  for (const auto& [name, act] : names) {
    EXPECT_EQ(good(with(llama(), "hidden_act", name)).dims.act, act);
    EXPECT_EQ(good(with(gpt2(), "activation_function", name)).dims.act, act);
  }
  expect_error(with(llama(), "hidden_act", "quick_gelu"), {"hidden_act", "quick_gelu", "silu"});
  expect_error(with(llama(), "hidden_act", 3), {"hidden_act", "expected a string, found 3"});
}

json llama3_scaling() {
  return {{"factor", 8.0},
          {"low_freq_factor", 1.0},
          {"high_freq_factor", 4.0},
          {"original_max_position_embeddings", 32}};
}

TEST(RopeConfig, OldAndNewSpellingsMeanTheSame) {
  for (const char* type_key : {"type", "rope_type"}) {
    for (const char* type : {"linear", "dynamic", "llama3"}) {
      json scaling = llama3_scaling();
      scaling[type_key] = type;
      json beside = with(llama(), "rope_theta", 5e5);
      beside["rope_scaling"] = scaling;
      scaling["rope_theta"] = 5e5;
      const json within = with(llama(), "rope_parameters", scaling);
      const ModelSpec spec = good(beside);
      EXPECT_EQ(configuration_fingerprint(spec), configuration_fingerprint(good(within)));
      EXPECT_EQ(spec.dims.rope.theta, 5e5);
      EXPECT_EQ(spec.dims.rope.factor, 8.0);
      EXPECT_NE(spec.dims.rope.scaling, RopeScaling::none);
    }
  }
  for (const json& none : {json(nullptr), json::object(), json({{"rope_type", "default"}})}) {
    EXPECT_EQ(good(with(llama(), "rope_scaling", none)).dims.rope.scaling, RopeScaling::none);
    EXPECT_EQ(good(with(llama(), "rope_parameters", none)).dims.rope.scaling, RopeScaling::none);
  }
}

TEST(RopeConfig, WhereBothStandRopeScalingWins) {
  json both = with(llama(), "rope_scaling", {{"type", "linear"}, {"factor", 2.0}});
  both["rope_parameters"] = {{"rope_type", "linear"}, {"factor", 4.0}, {"rope_theta", 7e4}};
  EXPECT_EQ(good(both).dims.rope.factor, 2.0);
}

TEST(RopeConfig, WhatIsWrongIsNamed) {
  const auto scaled = [](const json& scaling) { return with(llama(), "rope_scaling", scaling); };
  expect_error(scaled({{"type", "proportional"}, {"factor", 2}}),
               {"proportional", "default, linear, dynamic, llama3, yarn, longrope"});
  expect_error(scaled({{"type", 3}}), {"rope_scaling", "\"type\"", "expected a string, found 3"});
  expect_error(scaled("linear"), {"rope_scaling", "expected an object or null", "\"linear\""});
  expect_error(scaled({{"type", "linear"}}), {"rope_scaling", "\"factor\"", "found none"});
  for (const json& wrong : {json("8"), json(0), json(-2), json(1e20), json::array()})
    expect_error(scaled({{"type", "linear"}, {"factor", wrong}}), {"factor", "positive number"});
  for (const char* key :
       {"factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"}) {
    json scaling = with(llama3_scaling(), "rope_type", "llama3");
    scaling.erase(key);
    expect_error(scaled(scaling), {key, "found none"});
  }
  json equal = with(llama3_scaling(), "rope_type", "llama3");
  equal["high_freq_factor"] = 1.0;
  expect_error(scaled(equal), {"\"low_freq_factor\" below \"high_freq_factor\"", "1 and 1"});
  expect_error(with(llama(), "rope_theta", 0), {"rope_theta", "positive number"});
  expect_error(with(llama(), "rope_theta", 1e18), {"rope_theta", "below 1e12", "found 1e+18"});
  expect_error(with(llama(), "partial_rotary_factor", 0.5), {"partial_rotary_factor", "found 0.5"});
  good(with(llama(), "partial_rotary_factor", 1));
}

TEST(Config, NoDamageToAFileCrashes) {
  std::mt19937 random(7);
  std::vector<std::string> texts;
  for (const char* name : {"llama3-rope", "llama-new-keys", "gpt2-scaled", "gpt2-untied"})
    texts.push_back(
        read_file(test::data_path(std::string("golden/") + name + "/config.json")).value());
  int refused = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string text = texts[static_cast<std::size_t>(round) % texts.size()];
    if (round % 3 == 0) text.resize(random() % text.size());
    for (auto flips = 1 + random() % 4; flips > 0 && !text.empty(); --flips)
      text[random() % text.size()] ^= static_cast<char>(1U << random() % 8);
    const auto spec = read_config(text, "config.json");
    if (spec) {
      EXPECT_GE(spec->dims.layers, 1);
      EXPECT_GE(longest_context(spec->dims), 1);
      continue;
    }
    ++refused;
    EXPECT_EQ(spec.error().message.find("config.json: "), 0U);
    for (const char c : spec.error().message)
      EXPECT_TRUE(c >= 0x20 && c < 0x7f) << spec.error().message;
  }
  EXPECT_GT(refused, 2000);
}

}  // namespace
}  // namespace tepui

// SPDX-License-Identifier: MIT
// What the configurations of the many decoders say, in old and new keys, and what is refused. The
// golden cases' config.json are the starting points.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/mapped_file.h"
#include "models/config.h"
#include "models/tables.h"
#include "support/paths.h"

namespace tepui {
namespace {

using nlohmann::json;

json golden(const std::string& name) {
  return json::parse(read_file(test::data_path("golden/" + name + "/config.json")).value());
}

ModelSpec good_config(const json& config) {
  auto spec = read_config(config.dump(), "config.json");
  EXPECT_TRUE(spec) << spec.error().message;
  return spec.value_or(ModelSpec{});
}

void expect_refused(const json& config, const std::vector<std::string>& parts,
                    ErrorKind kind = ErrorKind::data) {
  const auto spec = read_config(config.dump(), "c.json");
  ASSERT_FALSE(spec) << config.dump();
  EXPECT_EQ(spec.error().kind, kind) << spec.error().message;
  EXPECT_EQ(spec.error().message.find("c.json"), 0U) << spec.error().message;
  for (const std::string& part : parts)
    EXPECT_NE(spec.error().message.find(part), std::string::npos)
        << part << " is not in: " << spec.error().message;
}

json altered(json config, const std::string& key, const json& value) {
  config[key] = value;
  return config;
}

json less(json config, const std::string& key) {
  config.erase(key);
  return config;
}

std::vector<int> windows(const ModelSpec& spec) {
  std::vector<int> out;
  for (int layer = 0; layer < spec.dims.layers; ++layer) out.push_back(spec.layer(layer).window);
  return out;
}

TEST(DecoderConfig, EveryArchitectureNamesTheKeyThatIsMissing) {
  const std::pair<const char*, const char*> cases[] = {{"mistral-window", "hidden_size"},
                                                       {"mixtral", "intermediate_size"},
                                                       {"qwen2-window", "num_hidden_layers"},
                                                       {"qwen3", "vocab_size"},
                                                       {"phi2", "num_attention_heads"},
                                                       {"phi3-window", "hidden_size"},
                                                       {"gptj", "n_embd"},
                                                       {"neox-parallel", "hidden_size"},
                                                       {"opt", "ffn_dim"},
                                                       {"bloom", "n_layer"},
                                                       {"falcon-7b", "hidden_size"},
                                                       {"mpt", "d_model"},
                                                       {"gemma", "vocab_size"},
                                                       {"gemma2", "hidden_size"},
                                                       {"gemma3", "intermediate_size"},
                                                       {"olmo-clip", "hidden_size"},
                                                       {"olmo2", "hidden_size"},
                                                       {"stablelm", "hidden_size"},
                                                       {"cohere", "hidden_size"},
                                                       {"cohere2", "hidden_size"}};
  for (const auto& [name, key] : cases) {
    SCOPED_TRACE(name);
    expect_refused(less(golden(name), key), {"expected key", key, "found none"});
    expect_refused(altered(golden(name), key, "x"), {key, "expected a whole number", "\"x\""});
  }
}

TEST(DecoderConfig, Windows) {
  const json mistral = golden("mistral-window");
  EXPECT_EQ(windows(good_config(mistral)), (std::vector<int>{3, 3}));
  EXPECT_EQ(windows(good_config(altered(mistral, "sliding_window", nullptr))),
            (std::vector<int>{0, 0}));
  EXPECT_EQ(windows(good_config(less(mistral, "sliding_window"))), (std::vector<int>{4096, 4096}));
  EXPECT_EQ(windows(good_config(less(golden("phi3-window"), "sliding_window"))),
            (std::vector<int>{0, 0}));
  expect_refused(altered(mistral, "sliding_window", "long"), {"sliding_window", "\"long\""});

  const json qwen = golden("qwen2-window");
  EXPECT_EQ(windows(good_config(qwen)), (std::vector<int>{0, 3}));
  EXPECT_EQ(windows(good_config(altered(qwen, "use_sliding_window", false))),
            (std::vector<int>{0, 0}));
  const json types = {"sliding_attention", "full_attention"};
  EXPECT_EQ(windows(good_config(altered(qwen, "layer_types", types))), (std::vector<int>{3, 0}));
  expect_refused(altered(qwen, "layer_types", {"full_attention"}),
                 {"layer_types", "2 layers", "found 1"});
  expect_refused(altered(qwen, "layer_types", {"full_attention", "linear_attention"}),
                 {"layer_types", "linear_attention"}, ErrorKind::unsupported);
  expect_refused(altered(qwen, "layer_types", 3), {"layer_types", "a list of strings"});

  EXPECT_EQ(windows(good_config(golden("gemma2"))), (std::vector<int>{3, 0}));
  EXPECT_EQ(windows(good_config(golden("gemma3-new-keys"))), (std::vector<int>{0, 3}));
  const json cohere = altered(golden("cohere2"), "num_hidden_layers", 5);
  EXPECT_EQ(windows(good_config(less(cohere, "sliding_window_pattern"))),
            (std::vector<int>{3, 3, 3, 0, 3}));
  EXPECT_EQ(good_config(cohere).layer(1).rope, RopeUse::none);
  EXPECT_EQ(good_config(cohere).layer(0).rope, RopeUse::rope);
}

TEST(DecoderConfig, GemmasScalesAndCaps) {
  const ModelSpec spec = good_config(golden("gemma2"));
  EXPECT_EQ(spec.dims.embedding_scale, std::sqrt(32.0F));
  EXPECT_EQ(spec.attention_scale(0), static_cast<double>(1 / std::sqrt(20.0F)));
  EXPECT_EQ(spec.dims.score_softcap, 2.5F);
  json bare = less(less(golden("gemma2"), "attn_logit_softcapping"), "final_logit_softcapping");
  EXPECT_EQ(good_config(bare).dims.score_softcap, 50.0F);
  EXPECT_EQ(good_config(bare).dims.logit_softcap, 30.0F);
  bare["attn_logit_softcapping"] = nullptr;
  EXPECT_EQ(good_config(bare).dims.score_softcap, 0.0F);
  EXPECT_EQ(good_config(golden("gemma")).dims.act, static_cast<std::uint32_t>(TEPUI_ACT_GELU_TANH));
  expect_refused(altered(golden("gemma3"), "use_bidirectional_attention", true),
                 {"use_bidirectional_attention", "expected false, found true"},
                 ErrorKind::unsupported);
}

// gemma-3-4b and larger: the decoder's keys lie apart, many of them left out.
TEST(DecoderConfig, Gemma3BesideAVisionTower) {
  const json config = {{"model_type", "gemma3"},
                       {"vision_config", {{"hidden_size", 1152}}},
                       {"text_config",
                        {{"model_type", "gemma3_text"},
                         {"hidden_size", 2560},
                         {"intermediate_size", 10240},
                         {"num_hidden_layers", 34},
                         {"rope_scaling", {{"factor", 8.0}, {"rope_type", "linear"}}},
                         {"sliding_window", 1024}}}};
  const ModelSpec spec = good_config(config);
  EXPECT_EQ(spec.arch->name, "gemma3");
  EXPECT_EQ(spec.dims.heads, 8);
  EXPECT_EQ(spec.dims.kv_heads, 4);
  EXPECT_EQ(spec.dims.head_dim, 256);
  EXPECT_EQ(spec.dims.vocabulary, 262208);
  EXPECT_TRUE(spec.dims.tied);
  EXPECT_EQ(spec.dims.rope.theta, 1e6);
  EXPECT_EQ(spec.dims.rope.factor, 8.0);
  EXPECT_EQ(spec.dims.local_rope.theta, 1e4);
  EXPECT_EQ(spec.dims.local_rope.scaling, RopeScaling::none);
  EXPECT_EQ(spec.layer(4).window, 1024);
  EXPECT_EQ(spec.layer(5).window, 0);
  json broken = config;
  broken["text_config"].erase("hidden_size");
  expect_refused(broken, {"c.json: text_config: expected key \"hidden_size\""});
}

TEST(DecoderConfig, FalconsKeyHeads) {
  EXPECT_EQ(good_config(golden("falcon-7b")).dims.kv_heads, 1);  // whatever num_kv_heads says
  const ModelSpec large = good_config(golden("falcon-40b"));
  EXPECT_EQ(large.dims.kv_heads, 2);
  EXPECT_FALSE(large.form.shared_norm);
  EXPECT_FALSE(good_config(less(golden("falcon-40b"), "num_ln_in_parallel_attn")).form.shared_norm);
  EXPECT_TRUE(good_config(golden("falcon-11b")).form.shared_norm);
  const ModelSpec rw = good_config(golden("falcon-rw"));
  EXPECT_EQ(rw.dims.kv_heads, 12);
  EXPECT_EQ(rw.form.block, BlockKind::sequential);
  EXPECT_EQ(rw.form.positions, PositionKind::alibi);
  // The first files.
  const json old = {{"model_type", "RefinedWebModel"},
                    {"hidden_size", 64},
                    {"n_layer", 2},
                    {"n_head", 4},
                    {"vocab_size", 9},
                    {"multi_query", true},
                    {"parallel_attn", true},
                    {"bias", false},
                    {"alibi", false}};
  EXPECT_EQ(good_config(old).arch->name, "falcon");
  EXPECT_EQ(good_config(old).dims.hidden, 256);
}

json mpt_with(const char* key, const json& value) {
  json changed = golden("mpt");
  changed["attn_config"][key] = value;
  return changed;
}

TEST(DecoderConfig, WhatMptCanBe) {
  const json mpt = golden("mpt");
  EXPECT_EQ(good_config(mpt).dims.clip_qkv, 0.8F);
  EXPECT_EQ(good_config(mpt).form.positions, PositionKind::alibi);
  EXPECT_EQ(good_config(mpt_with("alibi_bias_max", 16)).dims.alibi_max, 16.0);
  EXPECT_EQ(good_config(mpt_with("alibi", false)).form.positions, PositionKind::learned);
  EXPECT_EQ(good_config(mpt_with("qk_ln", true)).form.qk_norm, QkNorm::whole);
  EXPECT_EQ(good_config(mpt_with("qk_gn", true)).form.qk_norm, QkNorm::head);
  EXPECT_EQ(good_config(mpt_with("attn_type", "multiquery_attention")).dims.kv_heads, 1);
  EXPECT_EQ(good_config(golden("mpt-grouped")).dims.kv_heads, 2);
  EXPECT_EQ(good_config(golden("mpt-grouped")).dims.hidden, 3 * 36);
  const ModelSpec biased = good_config(altered(mpt, "no_bias", false));
  EXPECT_TRUE(biased.dims.attention_bias && biased.dims.mlp_bias);
  json only_qkv = altered(mpt, "attention_bias", true);
  EXPECT_TRUE(good_config(only_qkv).dims.attention_bias && !good_config(only_qkv).dims.mlp_bias);
  EXPECT_FLOAT_EQ(good_config(altered(mpt, "logit_scale", "inv_sqrt_d_model")).dims.logit_scale,
                  1 / 6.0F);
  EXPECT_EQ(good_config(altered(mpt, "final_logit_softcapping", 30)).dims.logit_softcap, 30.0F);
  const json ffn = {{"ffn_type", "mptmlp"}, {"ffn_hidden_size", 50}};
  EXPECT_EQ(good_config(altered(mpt, "ffn_config", ffn)).dims.hidden, 50);
  EXPECT_EQ(good_config(altered(mpt, "norm_eps", 1e-4)).dims.norm_eps, 1e-4F);
}

TEST(DecoderConfig, WhatMptCannotBe) {
  const json mpt = golden("mpt");
  const auto unsupported = [](const json& config, const std::vector<std::string>& parts) {
    expect_refused(config, parts, ErrorKind::unsupported);
  };
  unsupported(mpt_with("prefix_lm", true), {"prefix_lm"});
  unsupported(mpt_with("rope", true), {"attn_config", "rope", "expected false, found true"});
  unsupported(mpt_with("sliding_window_size", 64), {"sliding_window_size", "-1", "64"});
  EXPECT_EQ(good_config(mpt_with("sliding_window_size", -1)).layer(0).window, 0);
  unsupported(mpt_with("attn_type", "linear"), {"attn_type", "linear"});
  unsupported(altered(mpt_with("alibi", false), "learned_pos_emb", false), {"learned_pos_emb"});
  unsupported(altered(mpt, "norm_type", "rmsnorm"), {"norm_type", "layernorm", "rmsnorm"});
  unsupported(altered(mpt, "ffn_config", {{"ffn_type", "mptglu"}}), {"ffn_config", "mptglu"});
  unsupported(altered(mpt, "block_overrides", {{"order", json::array()}}), {"block_overrides"});
  expect_refused(mpt_with("attn_type", "grouped_query_attention"), {"kv_n_heads", "found none"});
  expect_refused(altered(mpt, "logit_scale", "large"), {"logit_scale", "\"large\""});
}

TEST(DecoderConfig, PartsOfHeadsThatAreRotated) {
  EXPECT_EQ(good_config(golden("phi2")).dims.rope.rotary_dim, 4);
  EXPECT_EQ(good_config(less(golden("phi2"), "partial_rotary_factor")).dims.rope.rotary_dim, 4);
  EXPECT_EQ(good_config(golden("neox-parallel")).dims.rope.rotary_dim, 2);
  EXPECT_EQ(good_config(altered(golden("neox-parallel"), "rotary_emb_base", 500)).dims.rope.theta,
            500.0);
  const json stablelm = less(golden("stablelm"), "partial_rotary_factor");
  EXPECT_EQ(good_config(altered(stablelm, "rope_pct", 0.5)).dims.rope.rotary_dim, 4);
  expect_refused(altered(golden("phi2"), "partial_rotary_factor", 1.5),
                 {"partial_rotary_factor", "1.5"}, ErrorKind::unsupported);
  expect_refused(altered(golden("phi2"), "partial_rotary_factor", 0.4),
                 {"even head size", "found 3"});
  const json gptj = golden("gptj");
  EXPECT_EQ(good_config(altered(gptj, "rotary_dim", nullptr)).dims.rope.rotary_dim, 8);
  expect_refused(altered(gptj, "rotary_dim", 3),
                 {"rotary_dim", "even number of at most 8", "found 3"});
  expect_refused(less(gptj, "rotary_dim"), {"rotary_dim", "found none"});  // 64 is too many here
}

TEST(DecoderConfig, LongContexts) {
  const json phi4 = golden("phi4-longrope");
  const RopeSpec rope = good_config(phi4).dims.rope;
  EXPECT_EQ(rope.scaling, RopeScaling::longrope);
  EXPECT_EQ(rope.original_context, 5);
  EXPECT_NEAR(rope.magnitude, std::sqrt(1 + std::log(32 / 5.0) / std::log(5.0)), 1e-12);
  for (const char* type : {"su", "yarn"}) {  // the first files
    json old = phi4;
    old["rope_scaling"]["type"] = type;
    EXPECT_EQ(good_config(old).dims.rope.scaling, RopeScaling::longrope);
  }
  json wrong = phi4;
  wrong["rope_scaling"]["long_factor"] = {1.0, 2.0, 3.0};
  expect_refused(wrong, {"rope_scaling", "long_factor", "each of 2 pairs, found 3"});
  wrong["rope_scaling"]["long_factor"] = {1.0, -2.0};
  expect_refused(wrong, {"long_factor", "positive numbers", "found -2.0"});
  EXPECT_NE(length_classes(good_config(phi4), 5), length_classes(good_config(phi4), 6));

  const RopeSpec yarn = good_config(golden("qwen2-yarn")).dims.rope;
  EXPECT_EQ(yarn.scaling, RopeScaling::yarn);
  EXPECT_NEAR(yarn.magnitude, 0.1 * std::log(4.0) + 1, 1e-12);
}

TEST(DecoderConfig, WhatElseIsRefused) {
  expect_refused(altered(golden("mixtral"), "num_experts_per_tok", 5),
                 {"num_experts_per_tok", "at most 32 of 4 experts", "found 5"});
  expect_refused(altered(golden("opt"), "layer_norm_elementwise_affine", false),
                 {"layer_norm_elementwise_affine"}, ErrorKind::unsupported);
  expect_refused(altered(golden("opt"), "do_layer_norm_before", 1), {"do_layer_norm_before"});
  expect_refused(altered(golden("gemma2"), "hidden_activation", "swiglu"),
                 {"hidden_activation", "swiglu"}, ErrorKind::unsupported);
  expect_refused(altered(golden("cohere"), "logit_scale", -1), {"logit_scale", "positive number"});
  expect_refused(altered(golden("olmo-clip"), "clip_qkv", "8"), {"clip_qkv", "positive number"});
}

// 8 heads: 1/2, 1/4, ...; 6 heads: those of 4, then every other one of 8.
TEST(Alibi, Slopes) {
  EXPECT_EQ(alibi_slope(0, 8, 8), 0.5);
  EXPECT_EQ(alibi_slope(7, 8, 8), 1.0 / 256);
  EXPECT_EQ(alibi_slope(3, 6, 8), 1.0 / 256);
  EXPECT_EQ(alibi_slope(4, 6, 8), 0.5);
  EXPECT_EQ(alibi_slope(5, 6, 8), 0.125);
  EXPECT_EQ(alibi_slope(0, 8, 16), 0.25);
}

}  // namespace
}  // namespace tepui

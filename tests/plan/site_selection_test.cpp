// SPDX-License-Identifier: MIT
// The words of --sites, and what is said of those that are not.
#include <gtest/gtest.h>

#include "models/config.h"
#include "plan/site_selection.h"

namespace tepui {
namespace {

ModelSpec spec_of(const char* text) {
  auto spec = read_config(std::string(text), "config.json");
  EXPECT_TRUE(spec) << spec.error().message;
  return spec.value_or(ModelSpec{});
}

ModelSpec llama() {
  return spec_of(
      R"({"model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "vocab_size": 9,
          "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2})");
}

ModelSpec gpt2() {
  return spec_of(
      R"({"model_type": "gpt2", "n_embd": 64, "n_layer": 2, "n_head": 4, "vocab_size": 9,
          "n_positions": 8})");
}

std::string names_of(const Result<SiteSelection>& selection) {
  if (!selection) return "error: " + selection.error().message;
  std::string out;
  for (const Point& point : selection->points()) {
    if (!out.empty()) out += ' ';
    out += site_name(point.site);
    if (point.layer != kNoLayer) out += fmt::format(".{}", point.layer);
  }
  return out;
}

std::string names(const std::string& text, const ModelSpec& spec = llama()) {
  return names_of(SiteSelection::parse(text, spec));
}

std::string names_of_layers(const std::string& text, const std::string& layers) {
  return names_of(SiteSelection::parse(text, llama(), "--site", layers));
}

TEST(SiteSelection, OneSiteMeansAllItsLayers) {
  const std::string all = "resid_post.0 resid_post.1 resid_post.2 resid_post.3";
  EXPECT_EQ(names("resid_post"), all);
  EXPECT_EQ(names("resid_post.*"), all);
  EXPECT_EQ(names("resid_post.0-3"), all);
  EXPECT_EQ(names("resid_post.{0,1,2-3}"), all);
}

TEST(SiteSelection, LayersAndRanges) {
  EXPECT_EQ(names("v.2"), "v.2");
  EXPECT_EQ(names("v.1-2"), "v.1 v.2");
  EXPECT_EQ(names("v.{3,0}"), "v.0 v.3");
  EXPECT_EQ(names("embeddings"), "embeddings");
  EXPECT_EQ(names("v.1, embeddings "), "embeddings v.1");
}

TEST(SiteSelection, LayersOfTheSitesThatNameNone) {
  EXPECT_EQ(names_of_layers("v,embeddings,z.1,blocks.2.hook_resid_post", "3,0"),
            "embeddings v.0 z.1 resid_post.2 v.3");
  const std::string all = names_of_layers("all", "2");
  EXPECT_EQ(all.find(".1 "), std::string::npos) << all;
  EXPECT_EQ(all.find("embeddings"), 0U) << all;
  EXPECT_NE(all.find("final_norm"), std::string::npos) << all;
  EXPECT_EQ(names_of_layers("v", "4"), "error: --layers 4: layers must lie within 0-3");
  EXPECT_EQ(names_of_layers("v", "1,x"),
            "error: --layers 1,x: expected a layer, FIRST-LAST or *, found \"x\"");
  EXPECT_EQ(names_of_layers("final_norm,v.2", "1"),
            "error: --layers 1: expected a site that has layers and names none, found --site "
            "final_norm,v.2");
  EXPECT_EQ(names_of_layers("v.9,z", "1"), "error: --site: \"v.9\": layers must lie within 0-3");
}

TEST(SiteSelection, ComesInOrderOfComputationWithoutRepetition) {
  EXPECT_EQ(names("final_norm,resid_post.1,embeddings,resid_mid.1,resid_post.0,resid_post.1"),
            "embeddings resid_post.0 resid_mid.1 resid_post.1 final_norm");
  EXPECT_EQ(names("resid_post.1,resid_post.0-2,all").find("resid_post.1"),
            names("all").find("resid_post.1"));
}

TEST(SiteSelection, AllIsWhatTheModelHas) {
  const auto llama_all = SiteSelection::parse("all", llama());
  const auto gpt2_all = SiteSelection::parse("all", gpt2());
  ASSERT_TRUE(llama_all && gpt2_all);
  EXPECT_EQ(llama_all->points().size(), 18U * 4 + 2);
  EXPECT_TRUE(llama_all->contains({0, Site::mlp_pre_linear}));
  EXPECT_FALSE(gpt2_all->contains({0, Site::mlp_pre_linear}));  // its MLP has no gate
  EXPECT_TRUE(gpt2_all->contains({1, Site::mlp_act}));
  EXPECT_FALSE(gpt2_all->contains({2, Site::mlp_act}));
  EXPECT_EQ(llama_all->at_layer(kNoLayer), (std::vector<Site>{Site::embeddings, Site::final_norm}));
  EXPECT_EQ(SiteSelection::parse("v.1,z.1,v.2", llama())->at_layer(1),
            (std::vector<Site>{Site::v, Site::z}));
}

TEST(SiteSelection, ErrorsNameThePartThatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "\"\" is not a site"},
      {"resid_post,", "\"\" is not a site"},
      {"resid_pots", "\"resid_pots\" is not a site"},
      {"attn_probs", "\"attn_probs\" is not a site that can be scanned"},
      {"logits", "\"logits\" is not a site that can be scanned"},
      {"resid_post.", "found \"\""},
      {"resid_post.x", "found \"x\""},
      {"resid_post.1-", "found \"1-\""},
      {"resid_post.1-2-3", "found \"1-2-3\""},
      {"resid_post.1x", "found \"1x\""},
      {"resid_post.99999999999999999999", "found \"99999999999999999999\""},
      {"resid_post.1-99999999999999999999", "found \"1-99999999999999999999\""},
      {"resid_post.4", "layers must lie within 0-3"},
      {"resid_post.-1", "layers must lie within 0-3"},
      {"resid_post.2-1", "expected a range that ascends, found 2-1"},
      {"blocks.9.hook_resid_post", "\"resid_post.9\": layers must lie within 0-3"},
      {"resid_post.{0,9}", "layers must lie within 0-3"},
      {"resid_post.{0,1", "found \"{0,1\""},
      {"embeddings.0", "embeddings has no layers"},
  };
  for (const auto& [text, part] : cases) {
    const auto selection = SiteSelection::parse(text, llama());
    ASSERT_FALSE(selection) << text;
    EXPECT_EQ(selection.error().kind, ErrorKind::usage);
    EXPECT_EQ(selection.error().message.find("--sites: "), 0U) << selection.error().message;
    EXPECT_NE(selection.error().message.find(part), std::string::npos)
        << text << ": " << selection.error().message;
  }
  const auto named = SiteSelection::parse("resid_post.4", llama(), "--site");
  EXPECT_EQ(named.error().message, "--site: \"resid_post.4\": layers must lie within 0-3");
}

ModelSpec gptj() {
  return spec_of(
      R"({"model_type": "gptj", "n_embd": 64, "n_layer": 8, "n_head": 4, "vocab_size": 9,
          "rotary_dim": 8})");
}

TEST(SiteSelection, WhatAModelLacksIsRefusedWithTheReason) {
  const std::string no_gate = names("mlp_pre_linear", gpt2());
  EXPECT_NE(no_gate.find("a gpt2 model has no mlp_pre_linear: its MLP has one projection"),
            std::string::npos)
      << no_gate;
  const std::string no_mid = names("resid_mid.3", gptj());
  EXPECT_NE(no_mid.find("a gptj model has no resid_mid: attention and MLP run in parallel"),
            std::string::npos)
      << no_mid;
  EXPECT_EQ(
      names("blocks.3.hook_resid_mid", gptj()).find("error: --sites: \"resid_mid.3\": a gptj"), 0U);
  EXPECT_EQ(names("all", gptj()).find("resid_mid"), std::string::npos);
  for (const char* site : {"router_logits", "expert_weights", "expert_indices"})
    EXPECT_NE(names(site).find("its MLP is no mixture of experts"), std::string::npos);
  const ModelSpec mixtral = spec_of(
      R"({"model_type": "mixtral", "hidden_size": 64, "intermediate_size": 96, "vocab_size": 9,
          "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 4,
          "num_local_experts": 4, "num_experts_per_tok": 2})");
  EXPECT_EQ(names("expert_weights.1", mixtral), "expert_weights.1");
  EXPECT_NE(names("expert_indices.1", mixtral).find("places of the largest router_logits"),
            std::string::npos);
  const ModelSpec olmo2 = spec_of(
      R"({"model_type": "olmo2", "hidden_size": 64, "intermediate_size": 96, "vocab_size": 9,
          "num_hidden_layers": 4, "num_attention_heads": 4})");
  EXPECT_NE(names("mlp_in", olmo2).find("no norm before attention and MLP"), std::string::npos);
}

TEST(SiteSelection, TheNamesOfOtherToolsAreUnderstood) {
  const std::pair<const char*, const char*> cases[] = {
      {"blocks.3.hook_resid_post", "resid_post.3"},
      {"blocks.0.hook_attn_out", "attn_out_post.0"},
      {"blocks.1.attn.hook_q", "q_pre.1"},
      {"blocks.1.attn.hook_rot_k", "k.1"},
      {"blocks.1.mlp.hook_post", "mlp_act.1"},
      {"blocks.2.hook_out", "resid_post.2"},
      {"ln_final.hook_out", "final_norm"},
      {"model.layers.2", "resid_post.2"},
      {"model.layers.2.self_attn", "attn_out.2"},
      {"gpt_neox.layers.0.mlp", "mlp_out.0"},
      {"transformer.h.1", "resid_post.1"},
      {"model.norm", "final_norm"},
      {"l_out-3", "resid_post.3"},
      {"ffn_inp-0", "resid_mid.0"},
      {"result_norm", "final_norm"},
      {"l_out-0,blocks.1.hook_resid_pre", "resid_post.0 resid_pre.1"},
  };
  for (const auto& [text, canonical] : cases) EXPECT_EQ(names(text), canonical) << text;
  for (const char* text : {"blocks.4.hook_resid_post", "l_out-4"})
    EXPECT_NE(names(text).find("\"resid_post.4\": layers must lie within 0-3"), std::string::npos)
        << names(text);
  // Names that do not mean one thing.
  for (const char* text :
       {"l_out--1", "l_out-x", "l_out-", "blocks..hook_resid_post", "blocks.1.ln1.hook_normalized",
        "Qcur-1", "model.layers.1.post_attention_layernorm", "model.norm.1"})
    EXPECT_NE(names(text).find("is not a site that can be scanned here"), std::string::npos)
        << text;
}

}  // namespace
}  // namespace tepui

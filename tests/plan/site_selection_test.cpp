// SPDX-License-Identifier: MIT
// The words of --sites, and what is said of those that are not.
#include <gtest/gtest.h>

#include "models/config.h"
#include "plan/site_selection.h"

namespace tepui {
namespace {

ModelSpec spec_of(const char* text) {
  auto spec = read_config(text, "config.json");
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

std::string names(const std::string& text, const ModelSpec& spec = llama()) {
  const auto selection = SiteSelection::parse(text, spec);
  if (!selection) return "error: " + selection.error().message;
  std::string out;
  for (const Point& point : selection->points()) {
    if (!out.empty()) out += ' ';
    out += site_name(point.site);
    if (point.layer != kNoLayer) out += fmt::format(".{}", point.layer);
  }
  return out;
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
      {"resid_post.2-1", "layers must lie within 0-3"},
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
  EXPECT_NE(names("mlp_pre_linear", gpt2()).find("is not a site that can be scanned here"),
            std::string::npos);
}

}  // namespace
}  // namespace tepui

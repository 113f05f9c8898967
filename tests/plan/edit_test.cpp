// SPDX-License-Identifier: MIT
// The words of --edit, and what is said of those that are not.
#include <gtest/gtest.h>

#include "models/config.h"
#include "plan/edit.h"

namespace tepui {
namespace {

ModelSpec model() {
  const std::string text =
      R"({"model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "vocab_size": 9,
          "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2})";
  auto spec = read_config(text, "config.json");
  EXPECT_TRUE(spec) << spec.error().message;
  return spec.value_or(ModelSpec{});
}

EditSpec good(const std::string& text) {
  auto edit = parse_edit(text, model(), "--edit");
  EXPECT_TRUE(edit) << edit.error().message;
  return edit.value_or(EditSpec{});
}

std::string error(const std::string& text) {
  const auto edit = parse_edit(text, model(), "--edit");
  return edit ? "none" : edit.error().message;
}

TEST(EditGrammar, Places) {
  const EditSpec edit = good("resid_post.1-2:0:5,7-9=zero");
  EXPECT_EQ(edit.site, Site::resid_post);
  EXPECT_EQ(edit.layers.layers, (std::vector<int>{1, 2}));
  EXPECT_EQ(edit.tokens.positions, (std::vector<IntRange>{{0, 0}}));
  EXPECT_EQ(edit.channels.ranges, (std::vector<IntRange>{{5, 5}, {7, 9}}));
  EXPECT_EQ(edit.rule.kind, RuleKind::constant);
  EXPECT_EQ(edit.rule.value, 0);
  EXPECT_EQ(edit.text(), "resid_post.1-2:0:5,7-9=zero");
  EXPECT_EQ(good("q.all:all:all=zero").layers.layers, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(good("q.3,1-2,2:all:all=zero").layers.layers, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(good("embeddings:all:all=zero").layers.layers, (std::vector<int>{kNoLayer}));
  EXPECT_EQ(good("mlp_act.0:all:95=zero").channels.ranges, (std::vector<IntRange>{{95, 95}}));
  EXPECT_EQ(good("z.first-massive:all:all=zero").layers.kind, LayerSelector::Kind::first_massive);
  EXPECT_EQ(good("z.massive:all:all=zero").text(), "z.massive:all:all=zero");
  EXPECT_EQ(good("z.3,0,1:all:all=zero").text(), "z.0-1,3:all:all=zero");
}

TEST(EditGrammar, NamesOfOtherTools) {
  const EditSpec edit = good("blocks.2.hook_resid_post:0:1=zero");
  EXPECT_EQ(edit.text(), "resid_post.2:0:1=zero");
  EXPECT_EQ(good("resid_post.*:0:1=zero").layers.layers.size(), 4U);
}

TEST(EditGrammar, Tokens) {
  const TokenSelector some = good("v.0:0,3-4,id:7,6-:all=zero").tokens;
  EXPECT_TRUE(some.selects(0, 1));
  EXPECT_FALSE(some.selects(1, 1));
  EXPECT_TRUE(some.selects(1, 7));
  EXPECT_TRUE(some.selects(4, 1));
  EXPECT_FALSE(some.selects(5, 1));
  EXPECT_TRUE(some.selects(1000000, 1));
  EXPECT_EQ(good("v.0:largest:all=zero").tokens.kind, TokenSelector::Kind::largest);
  EXPECT_EQ(good("v.0:massive:massive=zero").tokens.kind, TokenSelector::Kind::massive);
  EXPECT_EQ(good("v.0:massive:massive=zero").channels.kind, ChannelSelector::Kind::massive);
  EXPECT_EQ(good("v.0:above:2.5:all=zero").tokens.threshold, 2.5F);
}

TEST(EditGrammar, Rules) {
  const auto rule = [](const std::string& text) { return good("v.0:all:all=" + text).rule; };
  EXPECT_EQ(rule("const:-1.5e3").value, -1500);
  EXPECT_EQ(rule("mean").kind, RuleKind::mean);
  EXPECT_EQ(rule("clip:100").kind, RuleKind::clip);
  EXPECT_EQ(rule("clip:q0.999").kind, RuleKind::clip_quantile);
  EXPECT_EQ(rule("clip:q0.999").value, 0.999);
  EXPECT_EQ(rule("clip:k20").kind, RuleKind::clip_median);
  EXPECT_EQ(rule("scale:-2").value, -2);
  EXPECT_EQ(rule("patch:my branch").branch, "my branch");
  EXPECT_EQ(rule("round:f16").kind, RuleKind::round_f16);
  EXPECT_EQ(rule("round:bf16").kind, RuleKind::round_bf16);
  EXPECT_EQ(rule("round:fp8").grain, Grain::tensor);
  EXPECT_EQ(rule("round:fp8:token").grain, Grain::token);
  EXPECT_EQ(rule("round:int8:channel").grain, Grain::channel);
  EXPECT_EQ(rule("round:int8:tensor").kind, RuleKind::round_int8);
}

TEST(EditGrammar, SeveralEdits) {
  const auto edits = parse_edits("v.0:all:all=zero;z.1:0:3=mean", model(), "--edit");
  ASSERT_TRUE(edits);
  ASSERT_EQ(edits->size(), 2U);
  EXPECT_TRUE((*edits)[1].needs_calibration());
  EXPECT_FALSE((*edits)[0].needs_calibration());
  const auto open = parse_edits("v.0:all:all=zero;", model(), "--edit");
  ASSERT_FALSE(open);
  EXPECT_EQ(
      open.error().message,
      "--edit \"v.0:all:all=zero;\": expected an edit behind each ';', found none behind that "
      "of v.0:all:all=zero");
}

TEST(EditGrammar, ErrorsNameTheCharacter) {
  const auto says = [](const std::string& text, int character, const std::string& what) {
    const std::string message = error(text);
    EXPECT_NE(message.find(fmt::format("--edit \"{}\": character {}: expected ", text, character)),
              std::string::npos)
        << message;
    EXPECT_NE(message.find(what), std::string::npos) << message;
  };
  says("", 1, "attn_probs), found the end");
  says("resid_pots.1:0:1=zero", 1, "a site (embeddings, resid_pre, ");
  says("resid_pots.1:0:1=zero", 1, "attn_probs), found \"resid_pots.1:0:1=zero\"");
  says("resid_post:0:1=zero", 11, "'.' and LAYERS");
  says("resid_post.4:0:1=zero", 12, "a layer from 0 to 3, found \"4:0:1=zero\"");
  says("resid_post.2-1:0:1=zero", 12, "a range that ascends");
  says("embeddings.1:0:1=zero", 11, "embeddings has no layers");
  says("resid_post.1", 13, "':' and TOKENS, found the end");
  says("resid_post.1:x:1=zero", 14, "id:N or a position, found \"x:1=zero\"");
  says("resid_post.1:-1:1=zero", 14, "a position");
  says("resid_post.1:id:9:1=zero", 17, "a token id below 9");
  says("resid_post.1:above:x:1=zero", 20, "a number that is not negative");
  says("resid_post.1:0:64=zero", 16, "a channel from 0 to 63");
  says("resid_post.1:0:1", 17, "'=' and RULE, found the end");
  says("resid_post.1:0:1=zeros", 18, "zero, const:V, mean");
  says("resid_post.1:0:1=zero,", 22, "the end of the edit, found \",\"");
  says("resid_post.1:0:1=clip:q2", 24, "a fraction from 0 to 1");
  says("resid_post.1:0:1=clip:-2", 23, "a number that is not negative, qQ or kM");
  says("resid_post.1:0:1=const:nan", 24, "a number");
  says("resid_post.1:0:1=const:1e99", 24, "a number");
  says("resid_post.1:0:1=patch:", 24, "the name of a branch, found the end");
  says("resid_post.1:0:1=round:f17", 24, "f16, bf16, fp8 or int8");
  says("resid_post.1:0:1=round:f16:token", 27, "f16 and bf16 have no scale");
  says("resid_post.1:0:1=round:fp8:row", 28, "tensor, token or channel");
}

// Keys for tokens, heads for channels, and rules that look at a value alone.
TEST(EditGrammar, InsideAttention) {
  const EditSpec edit = good("attn_scores.0-2:0,id:5:1=const:-1e9");
  EXPECT_EQ(edit.site, Site::attn_scores);
  EXPECT_EQ(edit.layers.layers.size(), 3U);
  EXPECT_TRUE(edit.tokens.selects(0, 1));
  EXPECT_TRUE(edit.tokens.selects(7, 5));
  EXPECT_TRUE(edit.channels.selects(1));
  EXPECT_EQ(good("attn_probs.1:all:all=scale:0.5").rule.kind, RuleKind::scale);
  const auto says = [](const std::string& text, const std::string& what) {
    EXPECT_NE(error(text).find(what), std::string::npos) << error(text);
  };
  says("attn_probs.1:massive:all=zero", "keys by all, a position or id:N");
  says("attn_probs.1:largest:all=zero", "keys by all, a position or id:N");
  says("attn_probs.first-massive:0:all=zero", "all, a layer from 0 to 3");
  says("attn_probs.1:0:massive=zero", "all or a head from 0 to");
  says("attn_probs.1:0:64=zero", "all or a head from 0 to");
  for (const char* rule : {"mean", "clip:q0.5", "clip:k2", "patch:b", "round:f16"})
    says("attn_scores.1:0:all=" + std::string(rule), "zero, const:V, clip:V or scale:S");
}

}  // namespace
}  // namespace tepui

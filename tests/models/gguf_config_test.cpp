// SPDX-License-Identifier: MIT
// What a GGUF file's keys become, and which files are refused with which words.
#include <gtest/gtest.h>

#include <cmath>

#include "models/model.h"
#include "models/rope_table.h"
#include "support/gguf_writer.h"
#include "support/paths.h"
#include "tepui/op.h"

namespace tepui::test {
namespace {

constexpr std::int64_t kWidth = 8, kHidden = 12, kVocabulary = 10;

// A LLaMA of one layer whose keys a test may add to, leave out or replace.
struct Llama {
  std::string architecture = "llama";
  std::uint32_t heads = 2;
  std::uint32_t kv_heads = 1;
  std::uint32_t layers = 1;
  bool eps = true;
  bool table = true;
  bool bias = false;
  std::string left_out;  // a tensor
  std::vector<float> divisors;
  GgufWriter more;

  void tensor(GgufWriter& writer, const std::string& name, const Shape& shape) const {
    if (name == left_out) return;
    writer.tensor(name, shape, 0, std::string(static_cast<std::size_t>(shape.elements()) * 4, 0));
  }

  std::string content() const {
    GgufWriter writer = more;
    writer.text("general.architecture", architecture).u32("llama.context_length", 32);
    writer.u32("llama.embedding_length", kWidth).u32("llama.feed_forward_length", kHidden);
    writer.u32("llama.block_count", layers).u32("llama.attention.head_count", heads);
    writer.u32("llama.attention.head_count_kv", kv_heads);
    if (eps) writer.f32("llama.attention.layer_norm_rms_epsilon", 1e-5F);
    if (table) tensor(writer, "token_embd.weight", Shape{kVocabulary, kWidth});
    tensor(writer, "output_norm.weight", Shape{kWidth});
    tensor(writer, "blk.0.attn_norm.weight", Shape{kWidth});
    tensor(writer, "blk.0.attn_q.weight", Shape{kWidth, kWidth});
    tensor(writer, "blk.0.attn_k.weight", Shape{kWidth / 2, kWidth});
    tensor(writer, "blk.0.attn_v.weight", Shape{kWidth / 2, kWidth});
    tensor(writer, "blk.0.attn_output.weight", Shape{kWidth, kWidth});
    if (bias) tensor(writer, "blk.0.attn_q.bias", Shape{kWidth});
    tensor(writer, "blk.0.ffn_norm.weight", Shape{kWidth});
    tensor(writer, "blk.0.ffn_gate.weight", Shape{kHidden, kWidth});
    tensor(writer, "blk.0.ffn_up.weight", Shape{kHidden, kWidth});
    tensor(writer, "blk.0.ffn_down.weight", Shape{kWidth, kHidden});
    if (!divisors.empty()) {
      std::string bytes;
      for (const float divisor : divisors) bytes += bytes_of(divisor);
      writer.tensor("rope_freqs.weight", Shape{std::ssize(divisors)}, 0, bytes);
    }
    return writer.content();
  }
};

Result<Model> open(const Llama& llama) {
  const TemporaryFolder folder;
  write_file(folder.path() / "m.gguf", llama.content());
  return open_model(folder.path() / "m.gguf");
}

std::string message(const Llama& llama) {
  const auto model = open(llama);
  if (model) return "";
  const std::string& text = model.error().message;
  return text.substr(std::min(text.find(".gguf") + 5, text.size()));
}

TEST(GgufConfig, KeysBecomeDims) {
  Llama llama;
  llama.more.f32("llama.rope.freq_base", 500000).u32("llama.rope.dimension_count", 4);
  llama.more.u32("llama.vocab_size", kVocabulary).u32("llama.expert_count", 0);
  const auto model = open(llama);
  ASSERT_TRUE(model) << model.error().message;
  const Dims& dims = model->spec.dims;
  EXPECT_EQ(model->spec.arch->name, "llama");
  EXPECT_EQ(dims.layers, 1);
  EXPECT_EQ(dims.width, kWidth);
  EXPECT_EQ(dims.hidden, kHidden);
  EXPECT_EQ(dims.heads, 2);
  EXPECT_EQ(dims.kv_heads, 1);
  EXPECT_EQ(dims.head_dim, 4);
  EXPECT_EQ(dims.vocabulary, kVocabulary);
  EXPECT_EQ(dims.context, 32);
  EXPECT_EQ(dims.norm_eps, 1e-5F);
  EXPECT_EQ(dims.act, TEPUI_ACT_SILU);
  EXPECT_TRUE(dims.tied);
  EXPECT_FALSE(dims.attention_bias);
  EXPECT_EQ(dims.rope.theta, 500000.0);
  EXPECT_FALSE(dims.rope.interleaved);
  EXPECT_EQ(model->layers[0][1].role, WeightRole::q);
  EXPECT_EQ(model->layers[0][1].paired_rows, 4);
  EXPECT_EQ(model->layers[0][3].role, WeightRole::v);
  EXPECT_EQ(model->layers[0][3].paired_rows, 0);
}

TEST(GgufConfig, LinearScaling) {
  Llama llama;
  llama.more.text("llama.rope.scaling.type", "linear").f32("llama.rope.scaling.factor", 4);
  const auto model = open(llama);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->spec.dims.rope.scaling, RopeScaling::linear);
  EXPECT_EQ(model->spec.dims.rope.factor, 4.0);
}

TEST(GgufConfig, FrequenciesAreDividedAtEveryLength) {
  Llama llama;
  llama.divisors = {1, 8};
  const auto model = open(llama);
  ASSERT_TRUE(model) << model.error().message;
  const RopeSpec& rope = model->spec.dims.rope;
  for (const int length : {2, 32}) {
    const std::vector<float> table = rope_table(rope, 2, length);
    EXPECT_EQ(table[4], static_cast<float>(std::cos(1.0)));
    EXPECT_EQ(table[5], static_cast<float>(std::cos(std::pow(10000.0, -0.5) / 8)));
  }
  const auto plain = open(Llama());
  EXPECT_NE(configuration_fingerprint(model->spec), configuration_fingerprint(plain->spec));
}

TEST(GgufConfig, RowsOfLlama) {
  Llama window;
  window.more.u32("llama.attention.sliding_window", 5);
  const auto mistral = open(window);
  ASSERT_TRUE(mistral) << mistral.error().message;
  EXPECT_EQ(mistral->spec.arch->name, "mistral");
  EXPECT_EQ(mistral->spec.layer(0).window, 5);
  Llama experts;
  experts.more.u32("llama.expert_count", 8).u32("llama.expert_used_count", 2);
  EXPECT_NE(message(experts).find("expected tensor blk.0.ffn_gate_inp.weight, found none"),
            std::string::npos);
}

TEST(GgufConfig, RefusesWhatItDoesNotKnow) {
  Llama other;
  other.architecture = "rwkv6";
  EXPECT_EQ(
      message(other),
      ": unknown architecture \"rwkv6\" (general.architecture); known are llama, falcon, gpt2, "
      "gptneox, mpt, bloom, phi2, phi3, qwen2, qwen3, gemma, gemma2, gemma3, olmo, olmo2, "
      "stablelm, command-r, cohere2");
  Llama other_key;
  other_key.more.f32("llama.attention.temperature_scale", 0.5F);
  EXPECT_EQ(
      message(other_key),
      ": key \"llama.attention.temperature_scale\" is 0.5, and what it changes about llama is "
      "not known here");
  Llama scaled;
  scaled.more.text("llama.rope.scaling.type", "ntk").f32("llama.rope.scaling.factor", 4);
  EXPECT_NE(message(scaled).find("unknown rotary scaling \"ntk\""), std::string::npos);
  Llama both;
  both.more.text("llama.rope.scaling.type", "linear").f32("llama.rope.scaling.factor", 4);
  both.divisors = {1, 8};
  EXPECT_NE(message(both).find("rope_freqs.weight, found both"), std::string::npos);
  Llama partial;
  partial.more.u32("llama.rope.dimension_count", 2);
  EXPECT_NE(message(partial).find("partial_rotary_factor"), std::string::npos);
  Llama values;
  values.more.u32("llama.attention.value_length", 8);
  EXPECT_EQ(message(values), ": key \"llama.attention.value_length\": expected 4, found 8");
}

TEST(GgufConfig, RefusesWhatIsMissingOrWrong) {
  Llama no_eps;
  no_eps.eps = false;
  EXPECT_EQ(message(no_eps),
            ": expected key \"llama.attention.layer_norm_rms_epsilon\", found none");
  Llama no_table;
  no_table.table = false;
  EXPECT_EQ(message(no_table),
            ": expected tensor token_embd.weight with a row for each token, found none");
  Llama no_layers;
  no_layers.layers = 0;
  EXPECT_EQ(message(no_layers), ": expected key \"llama.block_count\" above 0, found 0");
  Llama two_layers;
  two_layers.layers = 2;
  EXPECT_NE(message(two_layers).find("expected tensor blk.1.attn_norm.weight, found none"),
            std::string::npos);
  Llama missing;
  missing.left_out = "blk.0.ffn_up.weight";
  EXPECT_EQ(message(missing), ": expected tensor blk.0.ffn_up.weight, found none");
  Llama heads;
  heads.heads = 3;
  EXPECT_NE(message(heads).find("expected heads that divide the width of 8, found 3"),
            std::string::npos);
  Llama biased;  // of q alone
  biased.bias = true;
  EXPECT_NE(message(biased).find("expected tensor blk.0.attn_k.bias, found none"),
            std::string::npos);
  Llama long_divisors;
  long_divisors.divisors = {1, 2, 3};
  EXPECT_EQ(message(long_divisors),
            ": rope_scaling: key \"short_factor\": expected a factor for each of 2 pairs, found 3");
  Llama zero_divisor;
  zero_divisor.divisors = {1, 0};
  EXPECT_EQ(message(zero_divisor),
            ": tensor rope_freqs.weight: element 1: expected a number above 0, found 0");
}

}  // namespace
}  // namespace tepui::test

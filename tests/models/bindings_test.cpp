// SPDX-License-Identifier: MIT
// What a model's tensors must be: all that the configuration asks for, in the right shape; what is
// missing or misshaped is listed, what nobody needs reported.
#include <gtest/gtest.h>

#include <random>

#include "base/mapped_file.h"
#include "models/model.h"
#include "support/model_copy.h"
#include "support/paths.h"

namespace tepui {
namespace {

using nlohmann::json;
using test::change_config;
using test::change_header;

class WeightBindings : public testing::Test {
 protected:
  std::filesystem::path copy(const std::string& name) {
    const auto into = folder_.path() / name;
    std::filesystem::remove_all(into);
    return test::copy_model(test::data_path("golden/" + name), into);
  }
  void expect_error(const std::filesystem::path& folder, const std::vector<std::string>& parts) {
    const auto model = open_model(folder);
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().kind, ErrorKind::data);
    EXPECT_EQ(model.error().message.find(folder.string()), 0U) << model.error().message;
    for (const std::string& part : parts)
      EXPECT_NE(model.error().message.find(part), std::string::npos)
          << part << " is not in: " << model.error().message;
  }
  test::TemporaryFolder folder_;
};

void rename(json& header, const std::string& from, const std::string& to) {
  header[to] = header[from];
  header.erase(from);
}

TEST_F(WeightBindings, AMissingTensorIsNamed) {
  const auto folder = copy("llama-mha-untied");
  change_header(folder, [](json& h) {
    rename(h, "model.layers.1.self_attn.k_proj.weight", "model.layers.1.self_attn.key.weight");
  });
  expect_error(folder, {"expected tensor model.layers.1.self_attn.k_proj.weight, found none"});
}

TEST_F(WeightBindings, ManyFaultsAreListedInShort) {
  const auto folder = copy("llama-mha-untied");
  change_config(folder, [](json& c) { c["num_hidden_layers"] = 4; });
  expect_error(folder, {"model.layers.2.input_layernorm.weight, found none",
                        "model.layers.3.input_layernorm.weight", "; and 15 more"});
}

TEST_F(WeightBindings, AWrongShapeTellsBothAndThePlace) {
  const auto folder = copy("gpt2-new");
  change_config(folder, [](json& c) { c["n_inner"] = 96; });
  expect_error(folder,
               {"transformer.h.0.mlp.c_fc.weight", "model.safetensors", "byte offset",
                "expected f32, f16, bf16 or a quantised type [32, 96]", "found f32 [32, 128]"});
}

TEST_F(WeightBindings, AFusedTensorThatIsMissingIsNamedOnce) {
  const auto folder = copy("gpt2-new");
  change_header(folder,
                [](json& h) { rename(h, "transformer.h.0.attn.c_attn.weight", "stranger"); });
  const auto model = open_model(folder);
  ASSERT_FALSE(model);
  const std::string& message = model.error().message;
  const auto first = message.find("expected tensor h.0.attn.c_attn.weight, found none");
  ASSERT_NE(first, std::string::npos) << message;
  EXPECT_EQ(message.find("c_attn.weight", first + 40), std::string::npos) << message;
}

TEST_F(WeightBindings, ATypeThatIsNoFloatIsRefused) {
  const auto folder = copy("llama-mha-untied");
  change_header(folder, [](json& h) { h["model.norm.weight"]["dtype"] = "I32"; });
  expect_error(folder, {"model.norm.weight", "expected f32, f16, bf16 or a quantised type [32]",
                        "found i32 [32]"});
}

TEST_F(WeightBindings, UnusedTensorsAreReportedAndStaleOnesAreNot) {
  const auto folder = copy("gpt2-new");  // holds attn.bias and attn.masked_bias
  auto model = open_model(folder);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_TRUE(model->unused.empty());
  change_header(folder, [](json& h) { rename(h, "transformer.h.0.attn.bias", "stranger.mask"); });
  model = open_model(folder);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->unused, std::vector<std::string>{"stranger.mask"});
}

TEST_F(WeightBindings, AnUntiedHeadMustBeThere) {
  const auto tied = copy("llama-gqa-tied-bf16");
  EXPECT_TRUE(open_model(tied));
  change_config(tied, [](json& c) { c["tie_word_embeddings"] = false; });
  expect_error(tied, {"expected tensor lm_head.weight, found none"});
  change_config(tied, [](json& c) { c.erase("tie_word_embeddings"); });  // absent: false for llama
  expect_error(tied, {"expected tensor lm_head.weight, found none"});
  const auto gpt2 = copy("gpt2-new");
  change_config(gpt2, [](json& c) { c.erase("tie_word_embeddings"); });  // absent: true for gpt2
  const auto model = open_model(gpt2);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->find_global(WeightRole::head), nullptr);
}

TEST_F(WeightBindings, ACopiedHeadBesideATiedOneIsNoStranger) {
  const auto folder = copy("llama-mha-untied");
  change_config(folder, [](json& c) { c["tie_word_embeddings"] = true; });
  {
    const auto other = open_model(folder);  // a head of its own, which a tied model has no use for
    ASSERT_TRUE(other) << other.error().message;
    EXPECT_EQ(other->unused, std::vector<std::string>{"lm_head.weight"});
    const auto bytes = other->source->find("model.embed_tokens.weight")->bytes;
    const std::string copied(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    test::patch_weights(folder, test::offset_of(folder, "lm_head.weight", 0), copied);
  }
  const auto model = open_model(folder);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_TRUE(model->unused.empty());
  EXPECT_EQ(model->find_global(WeightRole::head), nullptr);
}

TEST_F(WeightBindings, BiasesAreThereExactlyWhenTheConfigurationSaysSo) {
  const auto folder = copy("llama-biases");
  change_config(folder, [](json& c) { c["attention_bias"] = false; });
  const auto model = open_model(folder);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->unused.size(), 8U);  // q, k, v, o of two layers: said, not dropped in silence
  const auto bare = copy("llama-mha-untied");
  change_config(bare, [](json& c) { c["mlp_bias"] = true; });
  expect_error(bare, {"expected tensor model.layers.0.mlp.gate_proj.bias, found none"});
}

TEST_F(WeightBindings, NamesMayCarryTheArchitecturesPrefix) {
  const auto with = open_model(test::data_path("golden/gpt2-new"));
  const auto without = open_model(test::data_path("golden/gpt2-erf"));
  ASSERT_TRUE(with && without);
  EXPECT_EQ(with->find_global(WeightRole::final_norm)->tensor->name, "transformer.ln_f.weight");
  EXPECT_EQ(without->find_global(WeightRole::final_norm)->tensor->name, "ln_f.weight");
}

TEST_F(WeightBindings, NoDamageToAConfigurationCrashesTheOpening) {
  std::mt19937 random(8);
  for (const char* name : {"llama-head-dim", "gpt2-untied", "llama3-rope"}) {
    const auto folder = copy(name);
    const std::string whole = read_file(folder / "config.json").value();
    for (int round = 0; round < 200; ++round) {
      std::string text = whole;
      if (round % 4 == 0) text.resize(random() % text.size());
      for (auto flips = 1 + random() % 3; flips > 0 && !text.empty(); --flips)
        text[random() % text.size()] ^= static_cast<char>(1U << random() % 8);
      test::write_file(folder / "config.json", text);
      const auto model = open_model(folder);
      if (model) continue;
      EXPECT_EQ(model.error().message.find(folder.string()), 0U) << model.error().message;
      EXPECT_EQ(model.error().message.find('\n'), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace tepui

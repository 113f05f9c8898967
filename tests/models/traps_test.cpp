// SPDX-License-Identifier: MIT
// What files and configurations of published models hold besides, or leave out: defaults that
// differ from family to family, prefixes, stale buffers, keys that a family ignores.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/mapped_file.h"
#include "models/config.h"
#include "models/model.h"
#include "support/model_copy.h"
#include "support/paths.h"
#include "support/safetensors_writer.h"

namespace tepui::test {
namespace {

using nlohmann::json;

json golden(const std::string& name) {
  return json::parse(read_file(data_path("golden/" + name + "/config.json")).value());
}

ModelSpec good(const json& config) {
  auto spec = read_config(config.dump(), "config.json");
  EXPECT_TRUE(spec) << spec.error().message;
  return spec.value_or(ModelSpec{});
}

TEST(Traps, WhetherTheHeadIsTiedWhereNothingSaysSo) {
  const std::pair<const char*, bool> cases[] = {{"llama-mha-untied", false},
                                                {"mistral-window", false},
                                                {"mixtral", false},
                                                {"qwen2-window", false},
                                                {"qwen3", false},
                                                {"phi2", false},
                                                {"phi3-window", false},
                                                {"gpt2-new", true},
                                                {"gptj", false},
                                                {"neox-parallel", false},
                                                {"opt", true},
                                                {"bloom", true},
                                                {"falcon-7b", true},
                                                {"mpt", true},
                                                {"gemma", true},
                                                {"gemma2", true},
                                                {"gemma3", true},
                                                {"olmo-clip", false},
                                                {"olmo2", false},
                                                {"stablelm", false},
                                                {"cohere", true},
                                                {"cohere2", true}};
  for (const auto& [name, tied] : cases) {
    json config = golden(name);
    config.erase("tie_word_embeddings");
    EXPECT_EQ(good(config).dims.tied, tied) << name;
  }
}

// The golden folder with its tensors under other names, and with others beside them.
class Renamed : public testing::Test {
 protected:
  using Rename = std::string (*)(const std::string&);
  static std::string same(const std::string& name) { return name; }

  Result<Model> open(const std::string& name, Rename rename, const SafetensorsTensors& besides) {
    const auto from = data_path("golden/" + name);
    const auto to = folder_.path() / name;
    copy_model(from, to);
    const auto source = open_safetensors(from);
    EXPECT_TRUE(source);
    SafetensorsTensors tensors = besides;
    for (const TensorRef& tensor : (*source)->tensors())
      tensors[rename(tensor.name)] = {
          tensor.type.dtype, tensor.type.shape,
          std::string(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size())};
    write_safetensors(to / "model.safetensors", tensors);
    return open_model(to);
  }

  static void expect_whole(const Result<Model>& model) {
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_TRUE(model->unused.empty()) << model->unused.front();
  }

  TemporaryFolder folder_;
};

std::string without(const std::string& name, std::string_view prefix) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

// BLOOM's hub files have none, OPT's first ones neither.
TEST_F(Renamed, PrefixesMayBeMissing) {
  const auto bare = [](const std::string& name) { return without(name, "transformer."); };
  for (const char* name : {"bloom", "falcon-7b", "mpt", "gptj", "gpt2-new"})
    expect_whole(open(name, bare, {}));
  expect_whole(open("opt", [](const std::string& name) { return without(name, "model."); }, {}));
}

TEST_F(Renamed, BuffersThatNobodyNeedsAreNoStrangers) {
  const float number = -1e9F;
  const SafetensorsTensor mask{DType::u8, Shape{1, 1, 2, 2}, std::string(4, '\1')};
  const SafetensorsTensor filler = float_tensor(DType::f32, Shape{1}, {&number, 1});
  SafetensorsTensors neox;
  for (const std::string layer : {"0", "1"}) {
    const std::string at = "gpt_neox.layers." + layer + ".attention.";
    neox[at + "bias"] = mask;
    neox[at + "masked_bias"] = filler;
    neox[at + "rotary_emb.inv_freq"] = filler;
  }
  expect_whole(open("neox-parallel", same, neox));
  for (const char* name : {"llama-mha-untied", "mistral-window", "phi2", "olmo-clip"})
    expect_whole(open(name, same, {{"model.layers.1.self_attn.rotary_emb.inv_freq", filler}}));
  const auto strange = open("qwen3", same, {{"model.layers.1.self_attn.extra", filler}});
  ASSERT_TRUE(strange) << strange.error().message;
  EXPECT_EQ(strange->unused.size(), 1U);
}

// Its configurations have the key of Gemma 2; nothing of the model reads it.
TEST(Traps, Gemma3CapsNoScores) {
  json config = golden("gemma3");
  config["attn_logit_softcapping"] = 50.0;
  EXPECT_EQ(good(config).dims.score_softcap, 0.0F);
  EXPECT_EQ(good(config).dims.logit_softcap, 3.0F);
}

// A factor, or the magnitude itself, wins over what follows from the contexts.
TEST(Traps, LongropesMagnitude) {
  json config = golden("phi4-longrope");
  config["rope_scaling"]["factor"] = 4.0;
  EXPECT_NEAR(good(config).dims.rope.magnitude, std::sqrt(1 + std::log(4.0) / std::log(5.0)),
              1e-12);
  config["rope_scaling"]["attention_factor"] = 1.25;
  EXPECT_EQ(good(config).dims.rope.magnitude, 1.25);
}

}  // namespace
}  // namespace tepui::test

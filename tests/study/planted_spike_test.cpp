// SPDX-License-Identifier: MIT
// A massive activation planted by construction is found at exactly its layer, tokens and channel,
// on every backend.
//
// The model: embeddings leave channel kMark empty but for the token kTrigger; nothing else writes
// there (the rows of o and down are zero). In layer kLayer one MLP neuron reads kMark alone, and
// the down projection sends it to channel kSpike. So the spike appears at the trigger's positions,
// in that layer, and stays in the residual stream.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "backend/registry.h"
#include "store/writer.h"
#include "study/scan.h"
#include "study/summary.h"
#include "support/paths.h"
#include "support/safetensors_writer.h"

namespace tepui::test {
namespace {

constexpr int kWidth = 48;
constexpr int kHidden = 80;
constexpr int kLayers = 4;
constexpr int kVocabulary = 50;
constexpr int kMark = 7;
constexpr int kSpike = 31;
constexpr int kNeuron = 19;
constexpr int kLayer = 2;
constexpr TokenId kTrigger = 13;

class SpikeModel {
 public:
  void write(const std::filesystem::path& folder) {
    matrix("model.embed_tokens.weight", kVocabulary, kWidth, 0.5F,
           [](int token, int channel, float value) {
             if (channel == kMark) return token == kTrigger ? 4.0F : 0.0F;
             return value;
           });
    for (int layer = 0; layer < kLayers; ++layer) write_layer(layer);
    matrix("lm_head.weight", kVocabulary, kWidth, 0.1F);
    vector("model.norm.weight");
    write_safetensors(folder / "model.safetensors", tensors_);
    const nlohmann::json config = {{"model_type", "llama"},        {"hidden_size", kWidth},
                                   {"intermediate_size", kHidden}, {"num_hidden_layers", kLayers},
                                   {"num_attention_heads", 4},     {"num_key_value_heads", 2},
                                   {"vocab_size", kVocabulary},    {"max_position_embeddings", 64},
                                   {"rms_norm_eps", 1e-5}};
    write_file(folder / "config.json", config.dump());
  }

 private:
  using Change = float (*)(int row, int column, float value);

  void matrix(const std::string& name, int rows, int columns, float scale,
              Change change = nullptr) {
    std::uniform_real_distribution<float> uniform(-scale, scale);
    std::vector<float> values;
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < columns; ++c) {
        const float value = uniform(random_);
        values.push_back(change == nullptr ? value : change(r, c, value));
      }
    }
    tensors_[name] = float_tensor(DType::bf16, Shape{rows, columns}, values);
  }

  void vector(const std::string& name) {
    tensors_[name] = float_tensor(DType::bf16, Shape{kWidth}, std::vector<float>(kWidth, 1.0F));
  }

  void write_layer(int layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    const Change keep_mark_empty = [](int row, int, float value) {
      return row == kMark ? 0.0F : value;
    };
    vector(prefix + "input_layernorm.weight");
    vector(prefix + "post_attention_layernorm.weight");
    matrix(prefix + "self_attn.q_proj.weight", kWidth, kWidth, 0.05F);
    matrix(prefix + "self_attn.k_proj.weight", kWidth / 2, kWidth, 0.05F);
    matrix(prefix + "self_attn.v_proj.weight", kWidth / 2, kWidth, 0.05F);
    matrix(prefix + "self_attn.o_proj.weight", kWidth, kWidth, 0.05F, keep_mark_empty);
    const Change read_mark = [](int row, int column, float value) {
      if (row != kNeuron) return value;
      return column == kMark ? 20.0F : 0.0F;
    };
    const Change send_to_spike = [](int row, int column, float value) {
      if (row == kMark) return 0.0F;
      if (column != kNeuron) return value;
      return row == kSpike ? -1.0F : 0.0F;
    };
    const bool planted = layer == kLayer;
    matrix(prefix + "mlp.gate_proj.weight", kHidden, kWidth, 0.05F, planted ? read_mark : nullptr);
    matrix(prefix + "mlp.up_proj.weight", kHidden, kWidth, 0.05F, planted ? read_mark : nullptr);
    matrix(prefix + "mlp.down_proj.weight", kWidth, kHidden, 0.05F,
           planted ? send_to_spike : keep_mark_empty);
  }

  std::mt19937 random_{5};
  SafetensorsTensors tensors_;
};

TEST(PlantedSpike, IsFoundAtItsLayerTokensAndChannel) {
  const TemporaryFolder folder;
  SpikeModel().write(folder.path());
  // The trigger stands at 3 and 9 of the first sequence, nowhere in the second, and first in the
  // third.
  write_file(
      folder.path() / "ids.json",
      "[[1,2,3,13,5,6,7,8,9,13,11],[1,2,3,4,5,6,7,8],[13,1,2,3,4,5,6,7,8,9,10,11,12,14,15]]");
  const std::set<std::pair<int, std::int64_t>> expected = {{0, 3}, {0, 9}, {2, 0}};
  for (const std::string& backend : backend_names()) {
    ScanRequest request;
    request.model = folder.path();
    request.corpus.ids = folder.path() / "ids.json";
    request.backend = backend;
    request.out = folder.path() / ("scan-" + backend);
    const auto outcome = run_scan(request, {});
    ASSERT_TRUE(outcome) << outcome.error().message;
    auto store = StoreReader::open(outcome->folder);
    ASSERT_TRUE(store) << store.error().message;
    const auto summary = summarise(*store, {});
    ASSERT_TRUE(summary) << summary.error().message;
    std::set<std::pair<int, std::int64_t>> found;
    for (const MassiveValue& value : summary->massive.values) {
      EXPECT_GE(value.point.layer, kLayer);
      EXPECT_EQ(value.channel, kSpike);
      EXPECT_LT(value.value, 0.0F);  // with its sign
      if (value.point.layer == kLayer) found.emplace(value.sequence, value.position);
    }
    EXPECT_EQ(found, expected) << backend;
  }
}

}  // namespace
}  // namespace tepui::test

// SPDX-License-Identifier: MIT
// LLaMA-type models of named shapes with random weights in memory, so that nothing need be
// downloaded to measure one.
#pragma once

#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "models/bindings.h"
#include "models/config.h"
#include "models/model.h"

namespace tepui::bench {

struct ModelShape {
  std::string name;
  int width, hidden, layers, heads, kv_heads, vocabulary, context;
};

inline ModelShape llama_134m() { return {"llama-134m", 768, 2048, 12, 12, 12, 32000, 2048}; }

class RandomSource : public WeightSource {
 public:
  void add(const std::string& name, const Shape& shape, bool norm, std::mt19937& random) {
    auto& data = storage_.emplace_back(static_cast<std::size_t>(shape.elements()));
    const float scale = norm ? 0.0F : 1.0F / std::sqrt(static_cast<float>(shape[shape.rank() - 1]));
    for (float& value : data)
      value = norm ? 1.0F : scale * (static_cast<float>(random()) / 2147483648.0F - 1.0F) * 1.7F;
    const auto bytes = std::as_bytes(std::span<const float>(data));
    tensors_.push_back({name, {DType::f32, shape}, bytes, "memory", 0});
  }
  void sort() {
    std::sort(tensors_.begin(), tensors_.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
  }
  std::span<const TensorRef> tensors() const override { return tensors_; }

 private:
  std::vector<std::vector<float>> storage_;
  std::vector<TensorRef> tensors_;
};

inline Result<Model> random_model(const ModelShape& shape) {
  Model model;
  model.name = model.path = shape.name;
  const std::string config = fmt::format(
      R"({{"model_type": "llama", "hidden_size": {}, "intermediate_size": {}, "num_hidden_layers": {},
          "num_attention_heads": {}, "num_key_value_heads": {}, "vocab_size": {},
          "max_position_embeddings": {}, "rms_norm_eps": 1e-5}})",
      shape.width, shape.hidden, shape.layers, shape.heads, shape.kv_heads, shape.vocabulary,
      shape.context);
  TEPUI_TRY(model.spec, read_config(config, shape.name));
  auto source = std::make_unique<RandomSource>();
  std::mt19937 random(1);
  const std::int64_t width = shape.width;
  const std::int64_t keys = width / shape.heads * shape.kv_heads;
  source->add("model.embed_tokens.weight", Shape{shape.vocabulary, width}, false, random);
  source->add("lm_head.weight", Shape{shape.vocabulary, width}, false, random);
  source->add("model.norm.weight", Shape{width}, true, random);
  for (int layer = 0; layer < shape.layers; ++layer) {
    const std::string prefix = fmt::format("model.layers.{}.", layer);
    source->add(prefix + "input_layernorm.weight", Shape{width}, true, random);
    source->add(prefix + "post_attention_layernorm.weight", Shape{width}, true, random);
    source->add(prefix + "self_attn.q_proj.weight", Shape{width, width}, false, random);
    source->add(prefix + "self_attn.k_proj.weight", Shape{keys, width}, false, random);
    source->add(prefix + "self_attn.v_proj.weight", Shape{keys, width}, false, random);
    source->add(prefix + "self_attn.o_proj.weight", Shape{width, width}, false, random);
    source->add(prefix + "mlp.gate_proj.weight", Shape{shape.hidden, width}, false, random);
    source->add(prefix + "mlp.up_proj.weight", Shape{shape.hidden, width}, false, random);
    source->add(prefix + "mlp.down_proj.weight", Shape{width, shape.hidden}, false, random);
  }
  source->sort();
  model.source = std::move(source);
  TEPUI_TRY(bind_weights(model));
  return model;
}

// FLOPs of a prefill of `sequences` x `length` tokens without the head: the linear layers and
// attention's causal half.
inline double prefill_flops(const ModelShape& s, int sequences, int length) {
  const double width = s.width;
  const double keys = width / s.heads * s.kv_heads;
  const double per_token =
      2.0 * s.layers * (2.0 * width * width + 2.0 * width * keys + 3.0 * width * s.hidden);
  const double attention = 4.0 * s.layers * width * (length + 1.0) / 2.0;
  return sequences * static_cast<double>(length) * (per_token + attention);
}

}  // namespace tepui::bench

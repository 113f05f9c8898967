// SPDX-License-Identifier: MIT
#include "models/named_shape.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "models/bindings.h"
#include "models/config.h"
#include "weights/encode.h"
#include "weights/memory_source.h"

namespace tepui {

namespace {

constexpr NamedShape kNamedShapes[] = {
    {"llama-25m", 1024, 512, 4, 8, 8, 32000, 4096},
    {"llama-134m", 768, 2048, 12, 12, 12, 32000, 2048},
    {"tinyllama-1.1b", 2048, 5632, 22, 32, 4, 32000, 2048},
    {"llama-8b", 4096, 14336, 32, 32, 8, 128256, 8192},
    {"llama-13b", 5120, 13824, 40, 40, 40, 32000, 4096},
    {"llama-70b", 8192, 28672, 80, 64, 8, 32000, 4096},
};

std::vector<ShapeTensor> tensors_of(const NamedShape& shape) {
  std::vector<ShapeTensor> all = global_tensors(shape);
  for (int layer = 0; layer < shape.layers; ++layer) {
    auto own = layer_tensors(shape, layer);
    std::ranges::move(own, std::back_inserter(all));
  }
  return all;
}

Result<Model> shaped_model(const NamedShape& shape, std::unique_ptr<MemorySource> source) {
  Model model;
  model.name = model.path = std::string(shape.name);
  model.container = "memory";
  TEPUI_TRY(model.spec, read_config(shape_config(shape), std::string(shape.name)));
  source->sort();
  model.source = std::move(source);
  TEPUI_TRY(bind_weights(model));
  return model;
}

TensorType type_of(const ShapeTensor& tensor, DType dtype) {
  return {tensor.shape.rank() == 2 ? dtype : DType::f32, tensor.shape};
}

}  // namespace

// xorshift: quick, and nothing more is asked of it.
void RandomWeights::fill(std::span<float> values, const Shape& shape) {
  if (shape.rank() < 2) {
    std::ranges::fill(values, 1.0F);
    return;
  }
  const float scale = 1.7F / std::sqrt(static_cast<float>(shape[1]));
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < values.size(); ++i, bits >>= 8) {
    if (i % 8 == 0) {
      state_ ^= state_ << 13;
      state_ ^= state_ >> 7;
      state_ ^= state_ << 17;
      bits = state_;
    }
    values[i] = scale * (static_cast<float>(bits & 255U) - 127.5F) / 127.5F;
  }
}

std::span<const NamedShape> named_shapes() { return kNamedShapes; }

Result<NamedShape> named_shape(std::string_view name) {
  const auto found = std::ranges::find(kNamedShapes, name, &NamedShape::name);
  if (found != std::end(kNamedShapes)) return *found;
  std::vector<std::string_view> names;
  for (const NamedShape& shape : kNamedShapes) names.push_back(shape.name);
  return fail(ErrorKind::usage, "\"{}\": expected the name of a shape ({})", name,
              fmt::join(names, ", "));
}

std::string shape_config(const NamedShape& shape) {
  return fmt::format(
      R"({{
 "model_type": "llama",
 "architectures": ["LlamaForCausalLM"],
 "hidden_size": {},
 "intermediate_size": {},
 "num_hidden_layers": {},
 "num_attention_heads": {},
 "num_key_value_heads": {},
 "vocab_size": {},
 "max_position_embeddings": {},
 "rms_norm_eps": 1e-05,
 "hidden_act": "silu",
 "tie_word_embeddings": false
}}
)",
      shape.width, shape.hidden, shape.layers, shape.heads, shape.kv_heads, shape.vocabulary,
      shape.context);
}

std::vector<ShapeTensor> global_tensors(const NamedShape& s) {
  return {{"lm_head.weight", Shape{s.vocabulary, s.width}},
          {"model.embed_tokens.weight", Shape{s.vocabulary, s.width}},
          {"model.norm.weight", Shape{s.width}}};
}

std::vector<ShapeTensor> layer_tensors(const NamedShape& s, int layer) {
  const std::string prefix = fmt::format("model.layers.{}.", layer);
  return {{prefix + "input_layernorm.weight", Shape{s.width}},
          {prefix + "mlp.down_proj.weight", Shape{s.width, s.hidden}},
          {prefix + "mlp.gate_proj.weight", Shape{s.hidden, s.width}},
          {prefix + "mlp.up_proj.weight", Shape{s.hidden, s.width}},
          {prefix + "post_attention_layernorm.weight", Shape{s.width}},
          {prefix + "self_attn.k_proj.weight", Shape{s.key_width(), s.width}},
          {prefix + "self_attn.o_proj.weight", Shape{s.width, s.width}},
          {prefix + "self_attn.q_proj.weight", Shape{s.width, s.width}},
          {prefix + "self_attn.v_proj.weight", Shape{s.key_width(), s.width}}};
}

Result<Model> random_model(const NamedShape& shape, DType dtype) {
  auto source = std::make_unique<MemorySource>();
  RandomWeights random;
  std::vector<float> values;
  for (const ShapeTensor& tensor : tensors_of(shape)) {
    const TensorType type = type_of(tensor, dtype);
    values.resize(static_cast<std::size_t>(tensor.shape.elements()));
    random.fill(values, tensor.shape);
    source->add(tensor.name, type, encode(values, type.dtype));
  }
  return shaped_model(shape, std::move(source));
}

Result<Model> outline_model(const NamedShape& shape, DType dtype) {
  auto source = std::make_unique<MemorySource>();
  for (const ShapeTensor& tensor : tensors_of(shape))
    source->add_outline(tensor.name, type_of(tensor, dtype));
  return shaped_model(shape, std::move(source));
}

}  // namespace tepui

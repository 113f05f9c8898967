// SPDX-License-Identifier: MIT
#include "train/initial_model.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/draws.h"
#include "base/new_file.h"
#include "models/config.h"
#include "weights/safetensors_writer.h"

namespace tepui {
namespace {

constexpr std::uint32_t kWeightDraws = 101;  // a purpose of draws_of

enum class Start : std::uint8_t { zeros, ones, normal, narrow };

class InitialWeights {
 public:
  InitialWeights(const ModelRecipe& recipe, std::uint64_t seed)
      : recipe_(recipe), random_(draws_of(seed, kWeightDraws)) {}

  // Only their number.
  explicit InitialWeights(const ModelRecipe& recipe) : recipe_(recipe), counts_(true) {}

  std::int64_t count() const { return count_; }

  // `layer` is that of a linear weight, from 1.
  void add(std::string name, Shape shape, Start start, int layer = 0) {
    double deviation = start == Start::zeros || start == Start::ones ? 0 : recipe_.deviation;
    if (recipe_.lir && layer > 0)
      deviation /= std::sqrt(static_cast<double>(layer));
    else if (start == Start::narrow)
      deviation /= std::sqrt(2.0 * recipe_.layers);
    add(std::move(name), shape, start == Start::ones ? 1.0F : 0.0F, deviation);
  }

  // Normal around the centre.
  void add(std::string name, Shape shape, float centre, double deviation) {
    const bool trained = recipe_.family == "llama" || recipe_.bias || !name.ends_with(".bias");
    count_ += trained ? shape.elements() : 0;
    if (counts_) return;
    std::vector<float> values(static_cast<std::size_t>(shape.elements()), centre);
    if (deviation > 0)
      for (float& value : values) value = static_cast<float>(deviation * draw_normal(random_));
    names_.push_back(std::move(name));
    shapes_.push_back(shape);
    values_.push_back(std::move(values));
  }

  Status write(const std::filesystem::path& file) const {
    std::vector<FloatTensor> tensors;
    for (std::size_t i = 0; i < names_.size(); ++i)
      tensors.push_back({names_[i], shapes_[i], values_[i]});
    return write_safetensors(file, std::move(tensors), {{"format", "pt"}});
  }

 private:
  const ModelRecipe& recipe_;
  std::mt19937_64 random_;
  bool counts_ = false;
  std::int64_t count_ = 0;
  std::vector<std::string> names_;
  std::vector<Shape> shapes_;
  std::vector<std::vector<float>> values_;
};

// What a norm has as DyT.
void add_alpha(InitialWeights& w, const ModelRecipe& r, const std::string& norm, bool attention) {
  if (has_variant(r, "dyt"))
    w.add(norm + ".alpha", {1},
          static_cast<float>(attention ? r.dyt_alpha_attention : r.dyt_alpha_others), 0.0);
}

// What attention has beside its projections; `kv` and `d` are the widths of keys and queries.
void add_attention_variants(InitialWeights& w, const ModelRecipe& r, const std::string& at,
                            std::int64_t kv, std::int64_t d, int layer) {
  const bool both = has_variant(r, "kv_bias");
  if (both || has_variant(r, "k_bias")) w.add(at + "extra_key", {kv}, Start::normal);
  if (both || has_variant(r, "v_bias")) w.add(at + "extra_value", {kv}, Start::normal);
  const auto quarter =
      static_cast<float>(std::log(0.25 / 0.75));  // open at first, as in the studies
  if (has_variant(r, "gated")) {
    w.add(at + "gate.weight", {d, d}, Start::normal, layer);
    w.add(at + "gate.offset", {d}, quarter, 0.0);
  }
  if (has_variant(r, "gated_heads")) {
    w.add(at + "head_gate.weight", {d}, Start::normal, layer);
    w.add(at + "head_gate.offset", {r.heads}, quarter, 0.0);
  }
}

// As transformers stores it: matrices [in, out]; biases are there, and 0 where there are none.
void add_gpt2(InitialWeights& w, const ModelRecipe& r, int vocabulary, int hidden, bool tied) {
  const std::int64_t d = r.width;
  w.add("transformer.wte.weight", {vocabulary, d}, Start::normal);
  if (!has_variant(r, "no_positions"))
    w.add("transformer.wpe.weight", {r.context, d}, Start::normal);
  const auto norm = [&](const std::string& name) {
    w.add(name + ".weight", {d}, Start::ones);
    w.add(name + ".bias", {d}, Start::zeros);
    add_alpha(w, r, name, name.ends_with("ln_1"));
  };
  int layer = 0;
  const auto linear = [&](const std::string& name, std::int64_t in, std::int64_t out, Start start) {
    w.add(name + ".weight", {in, out}, start, layer + 1);
    w.add(name + ".bias", {out}, Start::zeros);
  };
  for (; layer < r.layers; ++layer) {
    const std::string at = fmt::format("transformer.h.{}.", layer);
    add_attention_variants(w, r, at + "attn.", d, d, layer + 1);
    norm(at + "ln_1");
    linear(at + "attn.c_attn", d, 3 * d, Start::normal);
    linear(at + "attn.c_proj", d, d, Start::narrow);
    norm(at + "ln_2");
    linear(at + "mlp.c_fc", d, hidden, Start::normal);
    linear(at + "mlp.c_proj", hidden, d, Start::narrow);
  }
  if (!has_variant(r, "post_norm")) norm("transformer.ln_f");
  if (!tied) w.add("lm_head.weight", {vocabulary, d}, Start::normal);
}

void add_llama(InitialWeights& w, const ModelRecipe& r, int vocabulary, int hidden, bool tied) {
  const std::int64_t d = r.width;
  const std::int64_t kv = d / r.heads * (r.kv_heads == 0 ? r.heads : r.kv_heads);
  w.add("model.embed_tokens.weight", {vocabulary, d}, Start::normal);
  if (has_variant(r, "dyt"))
    w.add("model.embed_tokens.factor", {1}, std::sqrt(static_cast<float>(d)), 0.0);
  for (int layer = 0; layer < r.layers; ++layer) {
    const std::string at = fmt::format("model.layers.{}.", layer);
    const auto linear = [&](const char* name, Shape shape, Start start) {
      w.add(at + name, shape, start, layer + 1);
    };
    add_attention_variants(w, r, at + "self_attn.", kv, d, layer + 1);
    w.add(at + "input_layernorm.weight", {d}, Start::ones);
    add_alpha(w, r, at + "input_layernorm", true);
    linear("self_attn.q_proj.weight", {d, d}, Start::normal);
    linear("self_attn.k_proj.weight", {kv, d}, Start::normal);
    linear("self_attn.v_proj.weight", {kv, d}, Start::normal);
    linear("self_attn.o_proj.weight", {d, d}, Start::narrow);
    w.add(at + "post_attention_layernorm.weight", {d}, Start::ones);
    add_alpha(w, r, at + "post_attention_layernorm", false);
    linear("mlp.gate_proj.weight", {hidden, d}, Start::normal);
    linear("mlp.up_proj.weight", {hidden, d}, Start::normal);
    linear("mlp.down_proj.weight", {d, hidden}, Start::narrow);
  }
  if (!has_variant(r, "post_norm")) {
    w.add("model.norm.weight", {d}, Start::ones);
    add_alpha(w, r, "model.norm", false);
  }
  if (!tied) w.add("lm_head.weight", {vocabulary, d}, Start::normal);
}

nlohmann::json gpt2_config(const ModelRecipe& r, int vocabulary, int hidden, bool tied) {
  return {{"architectures", {"GPT2LMHeadModel"}},
          {"model_type", "gpt2"},
          {"vocab_size", vocabulary},
          {"n_positions", r.context},
          {"n_embd", r.width},
          {"n_layer", r.layers},
          {"n_head", r.heads},
          {"n_inner", hidden},
          {"activation_function", r.activation},
          {"layer_norm_epsilon", 1e-5},
          {"resid_pdrop", r.dropout},
          {"embd_pdrop", r.dropout},
          {"attn_pdrop", r.dropout},
          {"bos_token_id", nullptr},  // GPT-2's own would be what is not given
          {"eos_token_id", nullptr},
          {"tie_word_embeddings", tied},
          {"torch_dtype", "float32"}};
}

nlohmann::json llama_config(const ModelRecipe& r, int vocabulary, int hidden, bool tied) {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"vocab_size", vocabulary},
          {"max_position_embeddings", r.context},
          {"hidden_size", r.width},
          {"intermediate_size", hidden},
          {"num_hidden_layers", r.layers},
          {"num_attention_heads", r.heads},
          {"num_key_value_heads", r.kv_heads == 0 ? r.heads : r.kv_heads},
          {"hidden_act", "silu"},
          {"rms_norm_eps", 1e-5},
          {"rope_theta", r.rope_theta},
          {"attention_bias", false},
          {"mlp_bias", false},
          {"bos_token_id", nullptr},  // LLaMA's own, likewise
          {"eos_token_id", nullptr},
          {"tie_word_embeddings", tied},
          {"torch_dtype", "float32"}};
}

// The keys of models/arch/variants.cpp, where anything is changed.
void add_variants(nlohmann::json& config, const ModelRecipe& r) {
  const auto has = [&](const char* variant) { return has_variant(r, variant); };
  nlohmann::json keys = nlohmann::json::object();
  for (const char* extra : {"kv_bias", "k_bias", "v_bias", "off_by_one"})
    if (has(extra)) keys["attention_extra"] = extra;
  if (has("clipped")) keys["attention_clip"] = r.clip_alpha / r.context;
  if (has("sigmoid")) {
    keys["attention_weights"] = "sigmoid";
    if (r.context > 1) keys["attention_shift"] = std::log(static_cast<double>(r.context));
  }
  if (has("gated")) keys["attention_gate"] = true;
  if (has("gated_heads")) keys["head_gate"] = true;
  if (has("no_positions")) keys["positions"] = "none";
  if (has("post_norm")) keys["norm_place"] = "behind";
  if (has("dyt")) {
    keys["norm"] = "dyt";
    if (r.family == "llama") keys["embedding_factor"] = true;
  }
  if (r.window > 0) keys["sliding_window"] = r.window;
  if (r.prefix > 0) keys["attention_prefix"] = r.prefix;
  if (keys.empty()) return;
  config.update(keys);
  config["model_type"] = "tepui_" + r.family;
  config.erase("architectures");
}

struct InitialForm {
  bool llama;
  bool tied;
  int hidden;
};

InitialForm form_of(const ModelRecipe& recipe) {
  const bool llama = recipe.family == "llama";
  const int gated = (8 * recipe.width / 3 + 31) / 32 * 32;
  const int usual = llama ? gated : 4 * recipe.width;
  return {llama, recipe.tied.value_or(!llama), recipe.hidden != 0 ? recipe.hidden : usual};
}

void add_all(InitialWeights& weights, const ModelRecipe& recipe, int vocabulary) {
  const InitialForm form = form_of(recipe);
  if (form.llama)
    add_llama(weights, recipe, vocabulary, form.hidden, form.tied);
  else
    add_gpt2(weights, recipe, vocabulary, form.hidden, form.tied);
}

nlohmann::json initial_config(const ModelRecipe& recipe, int vocabulary) {
  const InitialForm form = form_of(recipe);
  nlohmann::json config = form.llama ? llama_config(recipe, vocabulary, form.hidden, form.tied)
                                     : gpt2_config(recipe, vocabulary, form.hidden, form.tied);
  add_variants(config, recipe);
  return config;
}

}  // namespace

bool has_variant(const ModelRecipe& recipe, std::string_view variant) {
  return std::ranges::find(recipe.variants, variant) != recipe.variants.end();
}

std::int64_t initial_parameters(const ModelRecipe& recipe, int vocabulary) {
  InitialWeights weights(recipe);
  add_all(weights, recipe, vocabulary);
  return weights.count();
}

Result<ModelSpec> initial_spec(const ModelRecipe& recipe, int vocabulary) {
  return read_config(initial_config(recipe, vocabulary), "[model]");
}

Status write_initial_model(const ModelRecipe& recipe, int vocabulary, std::uint64_t seed,
                           const std::filesystem::path& folder) {
  InitialWeights weights(recipe, seed);
  add_all(weights, recipe, vocabulary);
  TEPUI_TRY(
      write_new_file(folder / "config.json", initial_config(recipe, vocabulary).dump(2) + "\n"));
  return weights.write(folder / "model.safetensors");
}

}  // namespace tepui

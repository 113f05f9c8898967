// SPDX-License-Identifier: MIT
#include "models/gguf/config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/assert.h"
#include "base/utf8_text.h"
#include "models/config.h"
#include "models/gguf/keys.h"

namespace tepui {
namespace {

using nlohmann::json;

struct IntName {
  int Dims::*field;
  std::string_view gguf;
};
constexpr IntName kInts[] = {
    {&Dims::width, "embedding_length"},
    {&Dims::hidden, "feed_forward_length"},
    {&Dims::layers, "block_count"},
    {&Dims::heads, "attention.head_count"},
    {&Dims::kv_heads, "attention.head_count_kv"},
    {&Dims::head_dim, "attention.key_length"},
    {&Dims::context, "context_length"},
    {&Dims::experts, "expert_count"},
    {&Dims::experts_chosen, "expert_used_count"},
};

const ArchSpec* row_of(std::string_view model_type) {
  for (const ArchSpec* arch : all_architectures())
    if (std::ranges::count(arch->model_types, model_type) != 0) return arch;
  return nullptr;
}

// The row that fits the file.
Result<const GgufArch*> find_arch(const GgufMetadata& metadata, const WeightSource& source) {
  TEPUI_TRY(const auto name, metadata.text("general.architecture"));
  if (!name)
    return fail(ErrorKind::data, "{}: expected key \"general.architecture\", found none",
                metadata.file());
  std::vector<std::string_view> known;
  for (const GgufArch& gguf : gguf_architectures()) {
    if (std::ranges::count(known, gguf.name) == 0) known.push_back(gguf.name);
    if (gguf.name != *name) continue;
    if (gguf.if_key.empty()) return &gguf;
    TEPUI_TRY(const auto there, GgufKeys(metadata, source, gguf.name).size(gguf.if_key));
    if (there) return &gguf;
  }
  return fail(ErrorKind::unsupported,
              "{}: unknown architecture \"{}\" (general.architecture); known are {}",
              metadata.file(), printable(*name), fmt::join(known, ", "));
}

// Builds the config.json of the same model.
class ConfigBuilder {
 public:
  ConfigBuilder(const GgufKeys& keys, const GgufArch& gguf, const ArchSpec& row)
      : keys_(keys), gguf_(gguf), row_(row) {}

  Result<json> build() {
    config_["model_type"] = std::string(gguf_.model_type);
    config_["tie_word_embeddings"] = keys_.tensor("output.weight") == nullptr;
    for (const IntKey& key : row_.ints) TEPUI_TRY(read_int(key));
    for (const BoolKey& key : row_.bools) read_bool(key);
    TEPUI_TRY(read_eps());
    if (row_.form.positions == PositionKind::rotary) TEPUI_TRY(read_rope());
    for (const GgufKey& key : gguf_.keys) {
      TEPUI_TRY(const auto number, keys_.number(key.gguf));
      if (number) put(key.config, *number);
    }
    for (const GgufFlag& flag : gguf_.flags)
      config_[std::string(flag.config)] = keys_.tensor(flag.tensor) != nullptr;
    if (gguf_.adjust != nullptr) TEPUI_TRY(gguf_.adjust(keys_, config_));
    return std::move(config_);
  }

 private:
  void put(std::string_view key, double number) {
    const bool whole = number == static_cast<double>(static_cast<std::int64_t>(number));
    const json value = whole ? json(static_cast<std::int64_t>(number)) : json(number);
    if (key.starts_with('/'))
      config_[json::json_pointer(std::string(key))] = value;
    else
      config_[std::string(key)] = value;
  }

  Status read_int(const IntKey& key) {
    if (key.field == &Dims::vocabulary) return read_vocabulary(key);
    const auto* name = std::ranges::find(kInts, key.field, &IntName::field);
    if (name == std::end(kInts)) return {};
    TEPUI_TRY(const auto value, keys_.size(name->gguf));
    if (value) config_[std::string(key.names[0])] = *value;
    if (value || key.fallback != IntKey::kRequired) return {};
    return fail(ErrorKind::data, "{}: expected key \"{}\" above 0, found {}", keys_.file(),
                keys_.full(name->gguf), keys_.metadata().shown(keys_.full(name->gguf)));
  }

  // Converters pad the table; its rows are the vocabulary.
  Status read_vocabulary(const IntKey& key) {
    const TensorRef* table = keys_.tensor("token_embd.weight");
    if (table == nullptr || table->type.shape.rank() != 2)
      return fail(ErrorKind::data,
                  "{}: expected tensor token_embd.weight with a row for each token, found {}",
                  keys_.file(), table == nullptr ? "none" : table->type.to_string());
    config_[std::string(key.names[0])] = table->type.shape[0];
    return {};
  }

  void read_bool(const BoolKey& key) {
    const auto any = [&](std::initializer_list<std::string_view> names) {
      return std::ranges::any_of(names, [&](auto name) { return keys_.tensor(name) != nullptr; });
    };
    if (key.field == &Dims::attention_bias)
      config_[std::string(key.name)] = any({"blk.0.attn_q.bias", "blk.0.attn_qkv.bias"});
    if (key.field == &Dims::mlp_bias)
      config_[std::string(key.name)] = any({"blk.0.ffn_up.bias", "blk.0.ffn_down.bias"});
  }

  Status read_eps() {
    TEPUI_TRY(const auto rms, keys_.number("attention.layer_norm_rms_epsilon"));
    TEPUI_TRY(const auto layer, keys_.number("attention.layer_norm_epsilon"));
    const bool is_rms = row_.form.norm == NormKind::rms;
    const auto& eps = is_rms ? rms : layer;
    if (row_.eps_keys[0].empty()) {
      if (!eps || static_cast<float>(*eps) == row_.eps_fallback) return {};
      return fail(ErrorKind::unsupported, "{}: expected an epsilon of {} in norms, found {}",
                  keys_.file(), row_.eps_fallback, *eps);
    }
    if (!eps)
      return fail(
          ErrorKind::data, "{}: expected key \"{}\", found none", keys_.file(),
          keys_.full(is_rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon"));
    config_[std::string(row_.eps_keys[0])] = *eps;
    return {};
  }

  Status read_rope() {
    TEPUI_TRY(const auto theta, keys_.number("rope.freq_base"));
    config_["rope_theta"] = theta.value_or(10000.0);
    TEPUI_TRY(read_rotary_part());
    TEPUI_TRY(const auto type, keys_.text("rope.scaling.type"));
    TEPUI_TRY(const auto factor, keys_.number("rope.scaling.factor"));
    TEPUI_TRY(const auto original, keys_.size("rope.scaling.original_context_length"));
    if (type && *type != "none") {
      json scaling = {{"rope_type", *type}};
      if (factor) scaling["factor"] = *factor;
      if (original) scaling["original_max_position_embeddings"] = *original;
      config_["rope_scaling"] = std::move(scaling);
    }
    return read_divisors();
  }

  // int(head_dim * part) must give the size that is meant, whatever the rounding.
  Status read_rotary_part() {
    TEPUI_TRY(const auto rotary, keys_.size("rope.dimension_count"));
    TEPUI_TRY(auto head_dim, keys_.size("attention.key_length"));
    TEPUI_TRY(const auto width, keys_.size("embedding_length"));
    TEPUI_TRY(const auto heads, keys_.size("attention.head_count"));
    if (!head_dim && width && heads) head_dim = *width / *heads;
    const bool whole = !rotary || !head_dim || *rotary == *head_dim;
    config_["partial_rotary_factor"] = whole ? 1.0 : (*rotary + 0.5) / *head_dim;
    return {};
  }

  // What llama3's scaling makes of each frequency: factors that hold at any length.
  Status read_divisors() {
    TEPUI_TRY(const auto divisors, keys_.factors("rope_freqs.weight"));
    if (divisors.empty()) return {};
    if (config_.contains("rope_scaling"))
      return fail(ErrorKind::unsupported,
                  "{}: expected rotary scaling by keys or by the tensor rope_freqs.weight, found "
                  "both",
                  keys_.file());
    config_["rope_scaling"] = {{"rope_type", "longrope"},
                               {"short_factor", divisors},
                               {"long_factor", divisors},
                               {"attention_factor", 1.0}};
    return {};
  }

  const GgufKeys& keys_;
  const GgufArch& gguf_;
  const ArchSpec& row_;
  json config_ = json::object();
};

// What the file says of sizes that the row derives from other numbers.
Status check_sizes(const GgufKeys& keys, const ModelSpec& spec) {
  const Dims& dims = spec.dims;
  const auto agrees = [&](std::string_view name, int found) -> Status {
    TEPUI_TRY(const auto value, keys.size(name));
    if (!value || *value == found) return {};
    return fail(ErrorKind::unsupported, "{}: key \"{}\": expected {}, found {}", keys.file(),
                keys.full(name), found, *value);
  };
  TEPUI_TRY(agrees("attention.key_length", dims.head_dim));
  TEPUI_TRY(agrees("attention.value_length", dims.head_dim));
  TEPUI_TRY(agrees("attention.head_count_kv", dims.kv_heads));
  TEPUI_TRY(agrees("feed_forward_length", dims.hidden));
  if (spec.form.positions == PositionKind::rotary)
    TEPUI_TRY(agrees("rope.dimension_count", dims.rope.rotary_dim));
  return {};
}

}  // namespace

Result<GgufModelSpec> read_gguf_config(const GgufMetadata& metadata, const WeightSource& source) {
  GgufModelSpec out;
  TEPUI_TRY(out.gguf, find_arch(metadata, source));
  const GgufKeys keys(metadata, source, out.gguf->name);
  const ArchSpec* row = row_of(out.gguf->model_type);
  TEPUI_ASSERT(row != nullptr);
  TEPUI_TRY(const json config, ConfigBuilder(keys, *out.gguf, *row).build());
  TEPUI_TRY(out.spec, read_config(config, metadata.file()));
  TEPUI_TRY(check_sizes(keys, out.spec));
  TEPUI_TRY(keys.refuse_others());
  return out;
}

}  // namespace tepui

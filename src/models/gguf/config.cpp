// SPDX-License-Identifier: MIT
#include "models/gguf/config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/utf8_text.h"
#include "models/config.h"

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
};

// Keys that say nothing about the computation, or what tensors say as well.
constexpr std::string_view kIdle[] = {"vocab_size", "tensor_data_layout"};

constexpr std::int64_t kLargest = 1 << 28;

const ArchSpec* row_of(std::string_view model_type) {
  for (const ArchSpec* arch : all_architectures())
    if (std::ranges::count(arch->model_types, model_type) != 0) return arch;
  return nullptr;
}

class ConfigReader {
 public:
  ConfigReader(const GgufMetadata& metadata, const WeightSource& source)
      : metadata_(metadata), source_(source), file_(metadata.file()) {}

  Result<GgufModelSpec> read() {
    TEPUI_TRY(find_arch());
    config_["model_type"] = std::string(gguf_->model_type);
    TEPUI_TRY(read_sizes());
    TEPUI_TRY(read_vocabulary());
    TEPUI_TRY(read_eps());
    if (row_->positions == PositionKind::rotary) TEPUI_TRY(read_rope());
    TEPUI_TRY(read_own_keys());
    config_["tie_word_embeddings"] = source_.find("output.weight") == nullptr;
    TEPUI_TRY(refuse_unknown_keys());
    TEPUI_TRY(ModelSpec spec, read_config(config_, file_));
    TEPUI_TRY(check_heads(spec.dims));
    TEPUI_TRY(read_divisors(spec.dims));
    return GgufModelSpec{std::move(spec), gguf_};
  }

 private:
  Status find_arch() {
    TEPUI_TRY(const auto name, metadata_.text("general.architecture"));
    if (!name)
      return fail(ErrorKind::data, "{}: expected key \"general.architecture\", found none", file_);
    std::vector<std::string_view> known;
    for (const GgufArch& gguf : gguf_architectures()) {
      known.push_back(gguf.name);
      if (gguf.name == *name) gguf_ = &gguf;
    }
    if (gguf_ != nullptr) row_ = row_of(gguf_->model_type);
    if (row_ == nullptr)
      return fail(ErrorKind::unsupported,
                  "{}: unknown architecture \"{}\" (general.architecture); known are {}", file_,
                  printable(*name), fmt::join(known, ", "));
    return {};
  }

  std::string key(std::string_view name) {
    known_.insert(std::string(name));
    return fmt::format("{}.{}", gguf_->name, name);
  }

  Result<std::optional<std::int64_t>> size(std::string_view name) {
    const std::string full = key(name);
    TEPUI_TRY(const auto value, metadata_.integer(full));
    if (value && (*value < 1 || *value > kLargest))
      return fail(ErrorKind::data, "{}: key \"{}\": expected a whole number from 1 to {}, found {}",
                  file_, full, kLargest, *value);
    return value;
  }

  Status read_sizes() {
    for (const IntName& name : kInts) {
      TEPUI_TRY(const auto value, size(name.gguf));
      const auto at = std::ranges::find(row_->ints, name.field, &IntKey::field);
      if (at == row_->ints.end()) continue;  // checked against what follows from the others
      if (value) config_[std::string(at->names[0])] = *value;
      if (!value && at->fallback == IntKey::kRequired)
        return fail(ErrorKind::data, "{}: expected key \"{}.{}\", found none", file_, gguf_->name,
                    name.gguf);
    }
    return {};
  }

  Status read_vocabulary() {
    const TensorRef* table = source_.find("token_embd.weight");
    if (table == nullptr || table->type.shape.rank() != 2)
      return fail(ErrorKind::data,
                  "{}: expected tensor token_embd.weight with a row for each token, found {}",
                  file_, table == nullptr ? "none" : table->type.to_string());
    const auto at = std::ranges::find(row_->ints, &Dims::vocabulary, &IntKey::field);
    config_[std::string(at->names[0])] = table->type.shape[0];
    return {};
  }

  Status read_eps() {
    const std::string rms = key("attention.layer_norm_rms_epsilon");
    const std::string layer = key("attention.layer_norm_epsilon");
    if (row_->eps_key.empty()) return {};
    const std::string& name = row_->norm == NormKind::rms ? rms : layer;
    TEPUI_TRY(const auto eps, metadata_.number(name));
    if (!eps) return fail(ErrorKind::data, "{}: expected key \"{}\", found none", file_, name);
    config_[std::string(row_->eps_key)] = *eps;
    return {};
  }

  Status read_rope() {
    TEPUI_TRY(const auto theta, metadata_.number(key("rope.freq_base")));
    if (theta) config_["rope_theta"] = *theta;
    TEPUI_TRY(rotary_dim_, size("rope.dimension_count"));
    TEPUI_TRY(const auto type, metadata_.text(key("rope.scaling.type")));
    TEPUI_TRY(const auto factor, metadata_.number(key("rope.scaling.factor")));
    TEPUI_TRY(const auto original, size("rope.scaling.original_context_length"));
    (void)key("rope.scaling.finetuned");
    if (!type || *type == "none") return {};
    json scaling = {{"rope_type", *type}};
    if (factor) scaling["factor"] = *factor;
    if (original) scaling["original_max_position_embeddings"] = *original;
    config_["rope_scaling"] = std::move(scaling);
    return {};
  }

  Status read_own_keys() {
    for (const GgufKey& own : gguf_->keys) {
      const std::string full = key(own.gguf);
      if (!metadata_.has(full)) continue;
      TEPUI_TRY(config_[std::string(own.config)], value(full));
    }
    for (const GgufFlag& flag : gguf_->flags)
      config_[std::string(flag.config)] = source_.find(flag.tensor) != nullptr;
    for (const GgufConstant& constant : gguf_->constants)
      config_[std::string(constant.config)] = json::parse(constant.json);
    return {};
  }

  Result<json> value(const std::string& full) const {
    const GgufValue& raw = metadata_.values().find(full)->second;
    if (raw.type == GgufType::boolean && !raw.is_array) {
      TEPUI_TRY(const auto flag, metadata_.boolean(full));
      return json(*flag);
    }
    if (raw.type == GgufType::string && !raw.is_array) {
      TEPUI_TRY(const auto text, metadata_.text(full));
      return json(*text);
    }
    if (raw.type == GgufType::f32 || raw.type == GgufType::f64) {
      TEPUI_TRY(const auto number, metadata_.number(full));
      return json(*number);
    }
    TEPUI_TRY(const auto integer, metadata_.integer(full));
    return json(*integer);
  }

  Status refuse_unknown_keys() {
    (void)key("attention.value_length");
    const std::string prefix = fmt::format("{}.", gguf_->name);
    for (const auto& [name, raw] : metadata_.values()) {
      if (!name.starts_with(prefix)) continue;
      const std::string rest = name.substr(prefix.size());
      if (known_.contains(rest) || std::ranges::count(kIdle, rest) != 0) continue;
      const bool off = metadata_.shown(name) == "0" || metadata_.shown(name) == "false";
      if (off) continue;
      return fail(ErrorKind::unsupported,
                  "{}: key \"{}\" is {}, and what it changes about {} is not known here", file_,
                  printable(name), metadata_.shown(name), gguf_->name);
    }
    return {};
  }

  // What the file says of heads that the row derives from other numbers.
  Status check_heads(const Dims& dims) {
    const auto agrees = [&](std::string_view name, int found) -> Status {
      TEPUI_TRY(const auto value, size(name));
      if (!value || *value == found) return {};
      return fail(ErrorKind::unsupported, "{}: key \"{}.{}\": expected {}, found {}", file_,
                  gguf_->name, name, found, *value);
    };
    TEPUI_TRY(agrees("attention.key_length", dims.head_dim));
    TEPUI_TRY(agrees("attention.value_length", dims.head_dim));
    TEPUI_TRY(agrees("attention.head_count_kv", dims.kv_heads));
    if (rotary_dim_ && *rotary_dim_ != dims.rope.rotary_dim)
      return fail(ErrorKind::unsupported,
                  "{}: key \"{}.rope.dimension_count\": expected {}, found {}", file_, gguf_->name,
                  dims.rope.rotary_dim, *rotary_dim_);
    return {};
  }

  // llama3's scaling: one divisor for each rotary pair.
  Status read_divisors(Dims& dims) const {
    const TensorRef* tensor = source_.find("rope_freqs.weight");
    if (tensor == nullptr || row_->positions != PositionKind::rotary) return {};
    const TensorType expected{DType::f32, Shape{dims.rope.rotary_dim / 2}};
    if (tensor->type != expected)
      return fail(ErrorKind::data, "{}: tensor rope_freqs.weight: expected {}, found {}", file_,
                  expected.to_string(), tensor->type.to_string());
    const HostView view{tensor->type, tensor->bytes};
    for (std::int64_t i = 0; i < expected.shape[0]; ++i) {
      const double divisor = view.at(i);
      if (!(divisor > 0) || !std::isfinite(divisor))
        return fail(ErrorKind::data,
                    "{}: tensor rope_freqs.weight: element {}: expected a number above 0, found {}",
                    file_, i, divisor);
      dims.rope.divisors.push_back(static_cast<float>(divisor));
    }
    return {};
  }

  const GgufMetadata& metadata_;
  const WeightSource& source_;
  const std::string& file_;
  const GgufArch* gguf_ = nullptr;
  const ArchSpec* row_ = nullptr;
  json config_ = json::object();
  std::set<std::string, std::less<>> known_;
  std::optional<std::int64_t> rotary_dim_;
};

}  // namespace

Result<GgufModelSpec> read_gguf_config(const GgufMetadata& metadata, const WeightSource& source) {
  return ConfigReader(metadata, source).read();
}

}  // namespace tepui

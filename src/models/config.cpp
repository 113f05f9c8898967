// SPDX-License-Identifier: MIT
#include "models/config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "input/json_file.h"
#include "models/config_reader.h"
#include "models/rope_config.h"

namespace tepui {

namespace {

using nlohmann::json;

constexpr int kLargestSize = 1 << 28;  // four times this is still an int
constexpr int kMostLayers = 1 << 16;   // each costs memory before its tensors are looked for

Result<const ArchSpec*> find_arch(const json& config, const std::string& file) {
  std::vector<std::string> classes;
  const auto list = config.find("architectures");
  if (list != config.end() && list->is_array()) {
    for (const json& name : *list)
      if (name.is_string()) classes.push_back(name.get<std::string>());
  }
  const auto type = config.find("model_type");
  const bool has_type = type != config.end() && type->is_string();
  const std::string model_type = has_type ? type->get<std::string>() : "";
  std::vector<std::string_view> known;
  for (const ArchSpec* arch : all_architectures()) {
    if (!arch->model_types.empty()) known.push_back(arch->name);
    if (std::ranges::count(arch->model_types, model_type) != 0) return arch;
    if (!model_type.empty()) continue;  // the type is more exact than the class
    for (const std::string& name : classes)
      if (std::ranges::count(arch->classes, name) != 0) return arch;
  }
  return fail(ErrorKind::data,
              "{}: unknown architecture (model_type \"{}\", architectures [{}]); known are {}",
              file, displayable_key(model_type),
              displayable_key(fmt::format("{}", fmt::join(classes, ", "))), fmt::join(known, ", "));
}

Status read_ints(const ConfigReader& config, ModelSpec& spec) {
  for (const IntKey& key : spec.arch->ints) {
    const auto name = std::ranges::find_if(key.names, [&](auto n) { return config.has(n); });
    if (name == key.names.end()) {
      if (key.fallback == IntKey::kRequired)
        return fail(ErrorKind::data, "{}: expected key \"{}\", found none", config.place(),
                    key.names[0]);
      spec.dims.*key.field = key.fallback;
      continue;
    }
    const std::int64_t most = key.field == &Dims::layers ? kMostLayers : kLargestSize;
    TEPUI_TRY(spec.dims.*key.field, config.size(*name, 0, most));
  }
  return {};
}

Result<std::uint32_t> read_act(const ConfigReader& config, const ArchSpec& arch) {
  const std::string_view key = config.first_of({arch.act_keys[0], arch.act_keys[1]});
  TEPUI_TRY(const std::string name, config.text(key, arch.act_fallback));
  if (name == "silu" || name == "swish") return TEPUI_ACT_SILU;
  if (name == "gelu" && arch.gelu_is_tanh) return TEPUI_ACT_GELU_TANH;
  if (name == "gelu" || name == "gelu_python") return TEPUI_ACT_GELU_ERF;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh") return TEPUI_ACT_GELU_TANH;
  if (name == "relu") return TEPUI_ACT_RELU;
  return fail(ErrorKind::unsupported,
              "{}: key \"{}\": unknown activation \"{}\"; known are silu, swish, gelu, "
              "gelu_python, gelu_new, "
              "gelu_pytorch_tanh, relu",
              config.place(), key, displayable_key(name));
}

Status fill_defaults(const std::string& file, Dims& dims) {
  if (dims.kv_heads == 0) dims.kv_heads = dims.heads;
  if (dims.hidden == 0) dims.hidden = 4 * dims.width;
  if (dims.embedding_width == 0) dims.embedding_width = dims.width;
  if (dims.head_dim == 0) {
    if (dims.width % dims.heads != 0)
      return fail(ErrorKind::data, "{}: expected heads that divide the width of {}, found {}", file,
                  dims.width, dims.heads);
    dims.head_dim = dims.width / dims.heads;
  }
  return {};
}

Status check_sizes(const std::string& file, const ModelSpec& spec) {
  const Dims& dims = spec.dims;
  const int rotary = dims.rope.rotary_dim;
  if (spec.form.positions == PositionKind::rotary && (rotary % 2 != 0 || rotary == 0))
    return fail(ErrorKind::data,
                "{}: expected an even head size for rotary embedding, found {} of {}", file, rotary,
                dims.head_dim);
  if (dims.heads % dims.kv_heads != 0)
    return fail(ErrorKind::data, "{}: expected key/value heads that divide the {} heads, found {}",
                file, dims.heads, dims.kv_heads);
  if (std::int64_t{dims.heads} * dims.head_dim > kLargestSize)
    return fail(ErrorKind::data, "{}: expected heads times head size of at most {}, found {} x {}",
                file, kLargestSize, dims.heads, dims.head_dim);
  return {};
}

Status read_eps(const ConfigReader& config, ModelSpec& spec) {
  const std::string_view key = config.first_of({spec.arch->eps_keys[0], spec.arch->eps_keys[1]});
  spec.dims.norm_eps = spec.arch->eps_fallback;
  if (!config.has(key)) return {};
  TEPUI_TRY(spec.dims.norm_eps, config.fraction(key));
  return {};
}

// Through the tables of the architecture, then by its own code.
Result<ModelSpec> read_keys(const ConfigReader& config, const ArchSpec& arch) {
  ModelSpec spec;
  spec.arch = &arch;
  spec.form = arch.form;
  if (config.has("quantization_config"))
    return fail(ErrorKind::unsupported,
                "{}: expected weights in f32, f16 or bf16, found a \"quantization_config\"",
                config.place());
  TEPUI_TRY(read_ints(config, spec));
  for (const BoolKey& key : arch.bools) {
    TEPUI_TRY(spec.dims.*key.field, config.flag(key.name, key.fallback));
  }
  TEPUI_TRY(spec.dims.tied, config.flag("tie_word_embeddings", arch.tied_fallback));
  TEPUI_TRY(spec.dims.act, read_act(config, arch));
  TEPUI_TRY(read_eps(config, spec));
  TEPUI_TRY(fill_defaults(config.place(), spec.dims));
  if (spec.form.positions == PositionKind::rotary) TEPUI_TRY(read_rope(config, spec));
  if (arch.adjust != nullptr) TEPUI_TRY(arch.adjust(config, spec));
  TEPUI_TRY(check_sizes(config.place(), spec));
  return spec;
}

}  // namespace

Result<ModelSpec> read_config(const std::string& text, const std::string& file) {
  TEPUI_TRY(const json config, input::parse_json(text, file));
  return read_config(config, file);
}

Result<ModelSpec> read_config(const json& config, const std::string& file) {
  if (!config.is_object())
    return fail(ErrorKind::data,
                "{}: expected a JSON object with the model's configuration, found {}", file,
                displayable_value(config));
  TEPUI_TRY(const ArchSpec* const arch, find_arch(config, file));
  const ConfigReader whole(config, file);
  // What reads images too keeps its decoder's keys apart.
  TEPUI_TRY(const auto decoder, whole.object("text_config"));
  return read_keys(decoder ? *decoder : whole, *arch);
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "models/config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "input/json_file.h"
#include "models/rope_config.h"

namespace tepui {

namespace {

using nlohmann::json;

constexpr int kLargestSize = 1 << 28;  // four times this is still an int
constexpr int kMostLayers = 1 << 16;   // each costs memory before its tensors are looked for

// A key that is there and not null.
const json* given(const json& config, std::string_view key) {
  if (key.empty()) return nullptr;
  const auto found = config.find(key);
  return found == config.end() || found->is_null() ? nullptr : &*found;
}

Result<const ArchSpec*> find_arch(const json& config, const std::string& file) {
  std::vector<std::string> classes;
  if (const json* list = given(config, "architectures"); list && list->is_array()) {
    for (const json& name : *list)
      if (name.is_string()) classes.push_back(name.get<std::string>());
  }
  const json* type = given(config, "model_type");
  const std::string model_type = type && type->is_string() ? type->get<std::string>() : "";
  std::vector<std::string_view> known;
  for (const ArchSpec* arch : all_architectures()) {
    known.push_back(arch->name);
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

Status read_ints(const json& config, const std::string& file, ModelSpec& spec) {
  for (const IntKey& key : spec.arch->ints) {
    const auto name =
        std::ranges::find_if(key.names, [&](auto n) { return given(config, n) != nullptr; });
    if (name == key.names.end()) {
      if (key.fallback == IntKey::kRequired)
        return fail(ErrorKind::data, "{}: expected key \"{}\", found none", file, key.names[0]);
      spec.dims.*key.field = key.fallback;
      continue;
    }
    const json& value = *given(config, *name);
    const std::int64_t most = key.field == &Dims::layers ? kMostLayers : kLargestSize;
    if (!value.is_number_integer() || value.get<std::int64_t>() < 1 ||
        value.get<std::int64_t>() > most)
      return fail(ErrorKind::data, "{}: key \"{}\": expected a whole number from 1 to {}, found {}",
                  file, *name, most, displayable_value(value));
    spec.dims.*key.field = value.get<int>();
  }
  return {};
}

Result<bool> read_bool(const json& config, const std::string& file, std::string_view key,
                       bool fallback) {
  const json* value = given(config, key);
  if (value == nullptr) return fallback;
  if (!value->is_boolean())
    return fail(ErrorKind::data, "{}: key \"{}\": expected true or false, found {}", file, key,
                displayable_value(*value));
  return value->get<bool>();
}

Result<std::uint32_t> read_act(const json& config, const std::string& file, const ArchSpec& arch) {
  std::string name(arch.act_fallback);
  std::string_view where = arch.act_keys[0];
  for (const std::string_view key : arch.act_keys) {
    if (const json* value = given(config, key)) {
      where = key;
      if (!value->is_string())
        return fail(ErrorKind::data, "{}: key \"{}\": expected a string, found {}", file, key,
                    displayable_value(*value));
      name = value->get<std::string>();
      break;
    }
  }
  if (name == "silu" || name == "swish") return TEPUI_ACT_SILU;
  if (name == "gelu" || name == "gelu_python") return TEPUI_ACT_GELU_ERF;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh") return TEPUI_ACT_GELU_TANH;
  if (name == "relu") return TEPUI_ACT_RELU;
  return fail(ErrorKind::unsupported,
              "{}: key \"{}\": unknown activation \"{}\"; known are silu, swish, gelu, "
              "gelu_python, gelu_new, "
              "gelu_pytorch_tanh, relu",
              file, where, displayable_key(name));
}

Status fill_defaults(const std::string& file, Dims& dims) {
  if (dims.kv_heads == 0) dims.kv_heads = dims.heads;
  if (dims.hidden == 0) dims.hidden = 4 * dims.width;
  if (dims.head_dim == 0) {
    if (dims.width % dims.heads != 0)
      return fail(ErrorKind::data, "{}: expected heads that divide the width of {}, found {}", file,
                  dims.width, dims.heads);
    dims.head_dim = dims.width / dims.heads;
  }
  if (dims.heads % dims.kv_heads != 0)
    return fail(ErrorKind::data, "{}: expected key/value heads that divide the {} heads, found {}",
                file, dims.heads, dims.kv_heads);
  if (std::int64_t{dims.heads} * dims.head_dim > kLargestSize)
    return fail(ErrorKind::data, "{}: expected heads times head size of at most {}, found {} x {}",
                file, kLargestSize, dims.heads, dims.head_dim);
  return {};
}

}  // namespace

Result<ModelSpec> read_config(const std::string& text, const std::string& file) {
  TEPUI_TRY(const json config, input::parse_json(text, file));
  if (!config.is_object())
    return fail(ErrorKind::data,
                "{}: expected a JSON object with the model's configuration, found {}", file,
                displayable_value(config));
  ModelSpec spec;
  TEPUI_TRY(spec.arch, find_arch(config, file));
  if (given(config, "quantization_config") != nullptr)
    return fail(ErrorKind::unsupported,
                "{}: expected weights in f32, f16 or bf16, found a \"quantization_config\"", file);
  TEPUI_TRY(read_ints(config, file, spec));
  for (const BoolKey& key : spec.arch->bools) {
    TEPUI_TRY(spec.dims.*key.field, read_bool(config, file, key.name, key.fallback));
  }
  TEPUI_TRY(spec.dims.tied,
            read_bool(config, file, "tie_word_embeddings", spec.arch->tied_fallback));
  TEPUI_TRY(spec.dims.act, read_act(config, file, *spec.arch));
  spec.dims.norm_eps = spec.arch->eps_fallback;
  if (const json* eps = given(config, spec.arch->eps_key)) {
    if (!eps->is_number() || !(eps->get<double>() >= 0.0 && eps->get<double>() < 1.0))
      return fail(ErrorKind::data, "{}: key \"{}\": expected a number from 0 to 1, found {}", file,
                  spec.arch->eps_key, displayable_value(*eps));
    spec.dims.norm_eps = eps->get<float>();
  }
  TEPUI_TRY(fill_defaults(file, spec.dims));
  if (spec.arch->positions == PositionKind::rotary) {
    TEPUI_TRY(spec.dims.rope, read_rope(config, file, spec.dims));
  }
  return spec;
}

}  // namespace tepui

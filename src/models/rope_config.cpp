// SPDX-License-Identifier: MIT
#include "models/rope_config.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tepui {

namespace {

using nlohmann::json;

class RopeReader {
 public:
  RopeReader(const json& dict, const std::string& file, std::string where)
      : dict_(dict), file_(file), where_(std::move(where)) {}

  // A positive number, or the fallback where the key is absent; a negative fallback makes the key
  // required.
  Result<double> number(const char* key, double fallback) const {
    const auto found = dict_.find(key);
    if (found == dict_.end() || found->is_null()) {
      if (fallback >= 0) return fallback;
      return fail(ErrorKind::data, "{}: {}: expected key \"{}\", found none", file_, where_, key);
    }
    if (!found->is_number() || !(found->get<double>() > 0.0 && found->get<double>() < 1e12))
      return fail(ErrorKind::data, "{}: {}: key \"{}\": expected a positive number, found {}",
                  file_, where_, key, displayable_value(*found));
    return found->get<double>();
  }

  Result<std::string> type() const {
    for (const char* key : {"rope_type", "type"}) {
      const auto found = dict_.find(key);
      if (found == dict_.end() || found->is_null()) continue;
      if (!found->is_string())
        return fail(ErrorKind::data, "{}: {}: key \"{}\": expected a string, found {}", file_,
                    where_, key, displayable_value(*found));
      return found->get<std::string>();
    }
    return std::string("default");
  }

  // The smooth part of llama3 divides by their difference.
  Status ascending(const char* low_key, double low, const char* high_key, double high) const {
    if (low < high) return {};
    return fail(ErrorKind::data, "{}: {}: expected \"{}\" below \"{}\", found {} and {}", file_,
                where_, low_key, high_key, low, high);
  }

 private:
  const json& dict_;
  const std::string& file_;
  std::string where_;
};

// Null where the key is absent, null or an empty object.
Result<const json*> dict_of(const json& config, const std::string& file, const char* key) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return nullptr;
  if (!found->is_object())
    return fail(ErrorKind::data, "{}: key \"{}\": expected an object or null, found {}", file, key,
                displayable_value(*found));
  return found->empty() ? nullptr : &*found;
}

Status read_scaling(const RopeReader& reader, const std::string& type, RopeSpec& rope) {
  TEPUI_TRY(rope.factor, reader.number("factor", -1));
  if (type == "linear") {
    rope.scaling = RopeScaling::linear;
    return {};
  }
  TEPUI_TRY(const double original,
            reader.number("original_max_position_embeddings", type == "llama3" ? -1 : 0));
  rope.original_context = static_cast<int>(std::min(original, 1e9));
  if (type == "dynamic") {
    rope.scaling = RopeScaling::dynamic;
    return {};
  }
  rope.scaling = RopeScaling::llama3;
  TEPUI_TRY(rope.low_freq_factor, reader.number("low_freq_factor", -1));
  TEPUI_TRY(rope.high_freq_factor, reader.number("high_freq_factor", -1));
  return reader.ascending("low_freq_factor", rope.low_freq_factor, "high_freq_factor",
                          rope.high_freq_factor);
}

// Partial rotation belongs to other families; a LLaMA that asks for it would run wrong in silence.
Status check_whole_head(const json& config, const json* parameters, const std::string& file) {
  for (const json* dict : {&config, parameters}) {
    if (dict == nullptr) continue;
    const auto found = dict->find("partial_rotary_factor");
    if (found == dict->end() || found->is_null() || *found == 1.0) continue;
    return fail(ErrorKind::unsupported,
                "{}: key \"partial_rotary_factor\": expected 1, the whole head, found {}", file,
                displayable_value(*found));
  }
  return {};
}

}  // namespace

std::string displayable_key(const std::string& text) {
  std::string out;
  for (const char c : text.substr(0, 80)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte >= 0x20 && byte < 0x7f ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
  }
  return out;
}

std::string displayable_value(const json& value) {
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  return value.dump(-1, ' ', true, json::error_handler_t::replace).substr(0, 80);
}

Result<RopeSpec> read_rope(const json& config, const std::string& file, const Dims& dims) {
  RopeSpec rope;
  rope.rotary_dim = dims.head_dim;
  TEPUI_TRY(const json* parameters, dict_of(config, file, "rope_parameters"));
  TEPUI_TRY(const json* scaling, dict_of(config, file, "rope_scaling"));
  // Where both stand, rope_scaling replaces rope_parameters' scaling, and a theta inside
  // rope_parameters wins over the top-level one (transformers 5).
  const RopeReader top(config, file, "configuration");
  TEPUI_TRY(rope.theta, top.number("rope_theta", 10000.0));
  if (parameters != nullptr) {
    TEPUI_TRY(rope.theta,
              RopeReader(*parameters, file, "rope_parameters").number("rope_theta", rope.theta));
  }
  const json* dict = scaling != nullptr ? scaling : parameters;
  if (dict != nullptr) {
    const RopeReader reader(*dict, file, scaling != nullptr ? "rope_scaling" : "rope_parameters");
    TEPUI_TRY(const std::string type, reader.type());
    if (type == "linear" || type == "dynamic" || type == "llama3") {
      TEPUI_TRY(read_scaling(reader, type, rope));
    } else if (type != "default") {
      return fail(ErrorKind::unsupported,
                  "{}: unknown rotary scaling \"{}\"; known are default, linear, dynamic, llama3",
                  file, displayable_key(type));
    }
  }
  if (rope.original_context == 0) rope.original_context = dims.context;
  TEPUI_TRY(check_whole_head(config, parameters, file));
  if (rope.rotary_dim % 2 != 0)
    return fail(ErrorKind::data, "{}: expected an even head size for rotary embedding, found {}",
                file, rope.rotary_dim);
  return rope;
}

}  // namespace tepui

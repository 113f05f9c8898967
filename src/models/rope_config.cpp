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
      return fail(ErrorKind::data, "{}: {}: key \"{}\" is missing", file_, where_, key);
    }
    if (!found->is_number() || !(found->get<double>() > 0.0 && found->get<double>() < 1e12))
      return fail(ErrorKind::data, "{}: {}: key \"{}\": expected a positive number, found {}",
                  file_, where_, key, found->dump().substr(0, 40));
    return found->get<double>();
  }

  Result<std::string> type() const {
    for (const char* key : {"rope_type", "type"}) {
      const auto found = dict_.find(key);
      if (found == dict_.end() || found->is_null()) continue;
      if (!found->is_string())
        return fail(ErrorKind::data, "{}: {}: key \"{}\": expected a string", file_, where_, key);
      return found->get<std::string>();
    }
    return std::string("default");
  }

 private:
  const json& dict_;
  const std::string& file_;
  std::string where_;
};

const json* dict_of(const json& config, const char* key) {
  const auto found = config.find(key);
  return found != config.end() && found->is_object() && !found->empty() ? &*found : nullptr;
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

Result<RopeSpec> read_rope(const json& config, const std::string& file, const Dims& dims) {
  RopeSpec rope;
  rope.rotary_dim = dims.head_dim;
  const json* parameters = dict_of(config, "rope_parameters");
  const json* scaling = dict_of(config, "rope_scaling");
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
                  "{}: rotary scaling \"{}\" is not known; known are default, linear, dynamic, "
                  "llama3, yarn",
                  file, displayable_key(type));
    }
  }
  if (rope.original_context == 0) rope.original_context = dims.context;
  if (rope.rotary_dim % 2 != 0)
    return fail(ErrorKind::data, "{}: rotary embedding needs an even head size, found {}", file,
                rope.rotary_dim);
  return rope;
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "models/rope_config.h"

#include <algorithm>
#include <cmath>

namespace tepui {

namespace {

constexpr const char* kKnown = "default, linear, dynamic, llama3, yarn, longrope";

// The dict that holds the scaling, and the configuration around it.
class RopeReader {
 public:
  RopeReader(const ConfigReader& config, const ConfigReader& dict, const ModelSpec& spec)
      : config_(config), dict_(dict), dims_(spec.dims), keys_(spec.arch->rope) {}

  Status read(RopeSpec& rope) const {
    TEPUI_TRY(std::string type, dict_.text(dict_.first_of({"rope_type", "type"}), ""));
    if (type.empty()) return check_nothing_scales();
    if (type == "default") return {};
    if (type == "su" || (type == "yarn" && keys_.yarn_is_longrope)) type = "longrope";
    if (type == "linear") return read_linear(rope);
    if (type == "dynamic") return read_dynamic(rope);
    if (type == "llama3") return read_llama3(rope);
    if (type == "yarn") return read_yarn(rope);
    if (type == "longrope") return read_longrope(rope);
    return fail(ErrorKind::unsupported, "{}: unknown rotary scaling \"{}\"; known are {}",
                config_.place(), displayable_key(type), kKnown);
  }

 private:
  // Without a type there is no scaling, so that nothing may be there that only scaling reads.
  Status check_nothing_scales() const {
    for (const char* key : {"factor", "low_freq_factor", "high_freq_factor", "short_factor",
                            "long_factor", "beta_fast", "beta_slow", "mscale"})
      if (dict_.has(key))
        return fail(ErrorKind::data, "{}: expected \"rope_type\" beside \"{}\", found none",
                    dict_.place(), key);
    return {};
  }

  Status read_linear(RopeSpec& rope) const {
    rope.scaling = RopeScaling::linear;
    TEPUI_TRY(rope.factor, dict_.number("factor", -1));
    return {};
  }

  Status read_dynamic(RopeSpec& rope) const {
    rope.scaling = RopeScaling::dynamic;
    TEPUI_TRY(rope.factor, dict_.number("factor", -1));
    return read_original(dict_, 0, rope);
  }

  Status read_llama3(RopeSpec& rope) const {
    rope.scaling = RopeScaling::llama3;
    TEPUI_TRY(rope.factor, dict_.number("factor", -1));
    TEPUI_TRY(read_original(dict_, -1, rope));
    TEPUI_TRY(rope.low_freq_factor, dict_.number("low_freq_factor", -1));
    TEPUI_TRY(rope.high_freq_factor, dict_.number("high_freq_factor", -1));
    // The smooth part divides by their difference.
    if (rope.low_freq_factor < rope.high_freq_factor) return {};
    return fail(ErrorKind::data,
                "{}: expected \"low_freq_factor\" below \"high_freq_factor\", found {} and {}",
                dict_.place(), rope.low_freq_factor, rope.high_freq_factor);
  }

  // 0.1 m ln(s) + 1, the paper's factor of attention for a context s times as long.
  static double attention_factor(double s, double m) {
    return s <= 1 ? 1 : 0.1 * m * std::log(s) + 1;
  }

  Status read_yarn(RopeSpec& rope) const {
    rope.scaling = RopeScaling::yarn;
    TEPUI_TRY(read_original_of_model(rope));
    TEPUI_TRY(rope.factor, dict_.number("factor", own_factor(rope)));
    TEPUI_TRY(rope.beta_fast, dict_.number("beta_fast", 32));
    TEPUI_TRY(rope.beta_slow, dict_.number("beta_slow", 1));
    TEPUI_TRY(rope.truncate, dict_.flag("truncate", true));
    double magnitude = attention_factor(rope.factor, 1);
    if (dict_.has("mscale") && dict_.has("mscale_all_dim")) {
      TEPUI_TRY(const double m, dict_.number("mscale", 1));
      TEPUI_TRY(const double all, dict_.number("mscale_all_dim", 1));
      magnitude = attention_factor(rope.factor, m) / attention_factor(rope.factor, all);
    }
    TEPUI_TRY(rope.magnitude, dict_.number("attention_factor", magnitude));
    return {};
  }

  Status read_longrope(RopeSpec& rope) const {
    rope.scaling = RopeScaling::longrope;
    TEPUI_TRY(read_original_of_model(rope));
    TEPUI_TRY(rope.short_factors, dict_.numbers("short_factor"));
    TEPUI_TRY(rope.long_factors, dict_.numbers("long_factor"));
    const auto pairs = static_cast<std::size_t>(rope.rotary_dim / 2);
    for (const auto& [key, list] :
         {std::pair("short_factor", &rope.short_factors), {"long_factor", &rope.long_factors}}) {
      if (list->size() != pairs)
        return fail(ErrorKind::data,
                    "{}: key \"{}\": expected a factor for each of {} pairs, found {}",
                    dict_.place(), key, pairs, list->size());
    }
    TEPUI_TRY(const double factor, dict_.number("factor", own_factor(rope)));
    const double magnitude =
        factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(rope.original_context));
    TEPUI_TRY(rope.magnitude, dict_.number("attention_factor", magnitude));
    return {};
  }

  double own_factor(const RopeSpec& rope) const {
    return static_cast<double>(dims_.context) / rope.original_context;
  }

  static Status read_original(const ConfigReader& from, double fallback, RopeSpec& rope) {
    TEPUI_TRY(const double original, from.number("original_max_position_embeddings", fallback));
    rope.original_context = static_cast<int>(std::min(original, 1e9));
    return {};
  }

  // Beside the dict it wins over within it (Phi-3); the context where neither is.
  Status read_original_of_model(RopeSpec& rope) const {
    const bool beside = config_.has("original_max_position_embeddings");
    TEPUI_TRY(read_original(beside ? config_ : dict_, dims_.context, rope));
    if (rope.original_context >= 2) return {};
    return fail(ErrorKind::data,
                "{}: expected \"original_max_position_embeddings\" of at least 2, found {}",
                dict_.place(), rope.original_context);
  }

  const ConfigReader& config_;
  const ConfigReader& dict_;
  const Dims& dims_;
  const RopeKeys& keys_;
};

// The part of a head that is rotated: in the dict, beside it, or under the family's own name.
Status read_part(const ConfigReader& config, const ConfigReader* parameters, const ModelSpec& spec,
                 RopeSpec& rope) {
  constexpr std::string_view kKey = "partial_rotary_factor";
  const RopeKeys& keys = spec.arch->rope;
  TEPUI_TRY(double part, config.number(config.first_of({kKey, keys.part_key}), keys.part));
  if (parameters != nullptr) {
    TEPUI_TRY(part, parameters->number(kKey, part));
  }
  if (part > 1 || (part != 1 && !keys.is_partial))
    return fail(ErrorKind::unsupported, "{}: key \"{}\": expected {}, found {}", config.place(),
                kKey, keys.is_partial ? "at most 1" : "1, the whole head", part);
  rope.rotary_dim = static_cast<int>(spec.dims.head_dim * part);
  return {};
}

Result<RopeSpec> read_one(const ConfigReader& config, const ConfigReader* parameters,
                          const ModelSpec& spec, double theta) {
  const RopeKeys& keys = spec.arch->rope;
  RopeSpec rope;
  rope.interleaved = keys.interleaved;
  TEPUI_TRY(rope.theta, config.number(config.first_of({"rope_theta", keys.theta_key}), theta));
  // Where both stand, rope_scaling replaces rope_parameters' scaling, and a theta inside
  // rope_parameters wins over the top-level one (transformers 5).
  if (parameters != nullptr) {
    TEPUI_TRY(rope.theta, parameters->number("rope_theta", rope.theta));
  }
  TEPUI_TRY(read_part(config, parameters, spec, rope));
  TEPUI_TRY(const auto scaling, config.object("rope_scaling"));
  const ConfigReader* dict = scaling ? &*scaling : parameters;
  if (dict != nullptr) TEPUI_TRY(RopeReader(config, *dict, spec).read(rope));
  if (rope.original_context == 0) rope.original_context = spec.dims.context;
  return rope;
}

}  // namespace

Status read_rope(const ConfigReader& config, ModelSpec& spec) {
  const double theta = spec.arch->rope.theta;
  const double local_theta = spec.arch->rope.local_theta != 0 ? spec.arch->rope.local_theta : theta;
  TEPUI_TRY(const auto parameters, config.object("rope_parameters"));
  if (!parameters ||
      (!parameters->has("full_attention") && !parameters->has("sliding_attention"))) {
    TEPUI_TRY(spec.dims.rope, read_one(config, parameters ? &*parameters : nullptr, spec, theta));
    spec.dims.local_rope = spec.dims.rope;
    return {};
  }
  TEPUI_TRY(const auto full, parameters->object("full_attention"));
  TEPUI_TRY(const auto sliding, parameters->object("sliding_attention"));
  TEPUI_TRY(spec.dims.rope, read_one(config, full ? &*full : nullptr, spec, theta));
  TEPUI_TRY(spec.dims.local_rope,
            read_one(config, sliding ? &*sliding : nullptr, spec, local_theta));
  return {};
}

}  // namespace tepui

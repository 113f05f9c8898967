// SPDX-License-Identifier: MIT
#include "models/arch/windows.h"

namespace tepui {

Result<int> read_window(const ConfigReader& config, int fallback) {
  constexpr std::string_view kKey = "sliding_window";
  return config.size(kKey, config.is_null(kKey) ? 0 : fallback);
}

Status read_layers(const ConfigReader& config, const std::function<bool(int)>& slides,
                   const LayerSpec& sliding, const LayerSpec& full, ModelSpec& spec) {
  constexpr std::string_view kKey = "layer_types";
  const auto layers = static_cast<std::size_t>(spec.dims.layers);
  TEPUI_TRY(const auto types, config.texts(kKey));
  if (!types.empty() && types.size() != layers)
    return fail(ErrorKind::data, "{}: key \"{}\": expected one for each of {} layers, found {}",
                config.place(), kKey, layers, types.size());
  spec.layers.assign(layers, full);
  for (std::size_t i = 0; i < layers; ++i) {
    const std::string type = !types.empty()                ? types[i]
                             : slides(static_cast<int>(i)) ? "sliding_attention"
                                                           : "full_attention";
    if (type == "sliding_attention")
      spec.layers[i] = sliding;
    else if (type != "full_attention")
      return fail(ErrorKind::unsupported,
                  "{}: key \"{}\": expected full_attention or sliding_attention, found \"{}\"",
                  config.place(), kKey, displayable_key(type));
  }
  return {};
}

void slide_everywhere(int window, ModelSpec& spec) {
  spec.layers.assign(static_cast<std::size_t>(spec.dims.layers), LayerSpec{.window = window});
}

}  // namespace tepui

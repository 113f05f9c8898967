// SPDX-License-Identifier: MIT
// Sliding windows as configurations write them.
#pragma once

#include <functional>

#include "models/config_reader.h"
#include "models/spec.h"

namespace tepui {

// The window, its own token counted; 0 where the key is null. `fallback` where it is absent.
Result<int> read_window(const ConfigReader& config, int fallback);

// Which layers slide: by `layer_types`, where it stands, else by `slides(layer)`. Sets spec.layers:
// a sliding layer is `sliding`, the others `full`.
Status read_layers(const ConfigReader& config, const std::function<bool(int)>& slides,
                   const LayerSpec& sliding, const LayerSpec& full, ModelSpec& spec);

// All layers with the same window.
void slide_everywhere(int window, ModelSpec& spec);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// The rotary part of config.json in all its spellings: `rope_theta` beside `rope_scaling`, one dict
// `rope_parameters`, or one such dict for each kind of layer.
#pragma once

#include "models/config_reader.h"
#include "models/spec.h"

namespace tepui {

// Sets spec.dims.rope and local_rope (of sliding layers; the same where nothing else is said).
Status read_rope(const ConfigReader& config, ModelSpec& spec);

}  // namespace tepui

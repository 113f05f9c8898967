// SPDX-License-Identifier: MIT
// The rotary part of config.json in both spellings: `rope_theta` beside `rope_scaling`, or one dict
// `rope_parameters`.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "models/spec.h"
#include "tepui/result.h"

namespace tepui {

Result<RopeSpec> read_rope(const nlohmann::json& config, const std::string& file, const Dims& dims);

// A string from a file, made fit for a one-line message: control characters and what is not ASCII
// escaped, cut to 80.
std::string displayable_key(const std::string& text);
// A value likewise; lists and objects by their kind alone.
std::string displayable_value(const nlohmann::json& value);

}  // namespace tepui

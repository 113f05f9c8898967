// SPDX-License-Identifier: MIT
// config.json to ModelSpec, by old and new keys, through the architecture's key table. A key of the
// wrong type, a missing one and a value that contradicts another are errors that name the file and
// the key; so is an architecture, an activation or a rotary scaling that is not known.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "models/spec.h"
#include "tepui/result.h"

namespace tepui {

Result<ModelSpec> read_config(const std::string& text, const std::string& file);

// The same from parsed JSON; `file` opens the messages.
Result<ModelSpec> read_config(const nlohmann::json& config, const std::string& file);

}  // namespace tepui

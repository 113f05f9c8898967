// SPDX-License-Identifier: MIT
// JSON from files that nobody vouches for: bounded depth, no name twice in one object, and errors
// as values that say at which byte the text goes wrong.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "tepui/result.h"

namespace tepui {

// `place` begins the message ("model.safetensors: header"); `first_offset` is where in its file the
// text begins, so that the offsets in messages count from the file's start.
Result<nlohmann::json> parse_strict_json(std::string_view text, const std::string& place,
                                         std::uint64_t first_offset);

}  // namespace tepui

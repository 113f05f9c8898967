// SPDX-License-Identifier: MIT
// Whether a run may continue a store: both identities must be equal, and where they are not the
// error names the first field that differs, in the fields' alphabetical order.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tepui/result.h"

namespace tepui {

Status same_identity(const nlohmann::json& stored, const nlohmann::json& wanted,
                     const std::filesystem::path& file);

}  // namespace tepui

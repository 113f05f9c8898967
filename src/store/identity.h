// SPDX-License-Identifier: MIT
// Whether a run may continue a store: both identities must be equal, and where they are not the
// error names the fields that differ, in alphabetical order, with both values.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tepui/result.h"

namespace tepui {

// The command that makes such stores: "scan" where the identity names no kind.
std::string command_of_identity(const nlohmann::json& identity);

Status same_identity(const nlohmann::json& stored, const nlohmann::json& wanted,
                     const std::filesystem::path& file);

}  // namespace tepui

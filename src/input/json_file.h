// SPDX-License-Identifier: MIT
// JSON as the tokenizer files bring it: parsed without exceptions, with a limit on nesting, and
// read field by field with errors that name the file and the field.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "tepui/result.h"

namespace tepui::input {

using Json = nlohmann::json;

Result<Json> parse_json(std::string_view text, const std::string& file);
Result<Json> read_json(const std::filesystem::path& path);

// The member, or nullptr where the object has none or it is null. Also nullptr for a non-object.
const Json* member(const Json& object, const char* key);

Result<bool> bool_field(const Json& object, const char* key, bool otherwise,
                        const std::string& where);
Result<std::string> string_field(const Json& object, const char* key, const std::string& where);
Result<std::int32_t> id_value(const Json& value, const std::string& where);

}  // namespace tepui::input

// SPDX-License-Identifier: MIT
// The tables [[auxiliary]] of a recipe.
#pragma once

#include <string>
#include <vector>

#include "study/toml_fields.h"
#include "tepui/result.h"
#include "train/auxiliary.h"

namespace tepui {

// `recipe` is the file's top; errors name the line.
Result<std::vector<AuxiliaryTerm>> read_auxiliary(TomlFields& recipe, const std::string& file);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// What `tepui generate` prints: the texts side by side with their figures, or one document.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "study/generate.h"
#include "study/wording.h"

namespace tepui {

std::string generate_text(const GenerateResult& result, int columns, Letters letters);

// `sequences` has every prompt; where there is one alone, its fields stand in the document itself
// as well.
nlohmann::ordered_json generate_json(const GenerateResult& result);

}  // namespace tepui

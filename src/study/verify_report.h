// SPDX-License-Identifier: MIT
// A Verification as text for a terminal, as JSON, and as the status of the program.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "study/verify.h"
#include "study/wording.h"

namespace tepui {

std::string verification_text(const Verification& verification, Letters letters);
nlohmann::ordered_json verification_json(const Verification& verification);

// An error, in one line, where a step deviates.
Status verdict(const Verification& verification);

}  // namespace tepui

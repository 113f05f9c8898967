// SPDX-License-Identifier: MIT
// A scan as one JSON document, the form that `tepui scan --json` prints and the README describes.
// Floats are written in the shortest form that reads back to the same float. JSON has no NaN: such
// a number is null, and `errors` says where it stood.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "study/summary.h"

namespace tepui {

nlohmann::ordered_json scan_json(const ScanSummary& scan);

// The document as text; whatever strings it holds, this cannot fail.
std::string json_text(const nlohmann::ordered_json& document);

}  // namespace tepui

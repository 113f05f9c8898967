// SPDX-License-Identifier: MIT
// A scan as one JSON document, the form that `tepui scan --json` prints and the README describes.
// Floats are written in the shortest form that reads back to the same float. JSON has no NaN: such
// a number is null, and `errors` says where it stood.
#pragma once

#include <nlohmann/json.hpp>

#include "study/json_values.h"
#include "study/summary.h"

namespace tepui {

nlohmann::ordered_json scan_json(const ScanSummary& scan);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// Prints what a stored scan found: the finding and the table, or one JSON document.
#pragma once

#include <filesystem>

#include "study/massive.h"
#include "tepui/result.h"

namespace tepui {

Status report_scan(const std::filesystem::path& folder, const MassiveRule& rule, int top,
                   bool json);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// Prints what a stored scan found: the finding and the table, or one JSON document.
#pragma once

#include <filesystem>

#include "study/massive.h"
#include "study/summary.h"
#include "tepui/result.h"

namespace tepui {

// Returns what was printed.
Result<ScanSummary> report_scan(const std::filesystem::path& folder, const MassiveRule& rule,
                                int top, bool json);

}  // namespace tepui

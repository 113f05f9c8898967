// SPDX-License-Identifier: MIT
// What a scan says about one site over all layers, as sentences. Called by finding alone.
#pragma once

#include <string>
#include <vector>

#include "study/summary.h"
#include "study/wording.h"

namespace tepui {

std::vector<std::string> site_finding(const ScanSummary& scan, Site site, Letters letters);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// A measurement of `tepui bench` (--out FILE.json) as a run of the report.
#pragma once

#include <string>

#include "report/chart_value.h"
#include "tepui/result.h"

namespace tepui {

// A run without sites, with bench: the document as it is, checked. An error names what is missing.
Result<ChartJson> bench_run(const std::string& file);

}  // namespace tepui

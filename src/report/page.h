// SPDX-License-Identifier: MIT
// The page of a report: one HTML file with its style, its scripts, the chart library and the data
// inside. It opens from a disk, without a network.
#pragma once

#include <string>

#include "report/chart_value.h"
#include "tepui/result.h"

namespace tepui {

// JSON that may stand inside a script element of an HTML page: ASCII alone, and no character that
// HTML gives a meaning; the same value when parsed.
std::string json_for_html(const ChartJson& data);

// An error of kind unsupported where this build has no chart library.
Result<std::string> report_page(const ChartJson& data);

}  // namespace tepui

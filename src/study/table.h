// SPDX-License-Identifier: MIT
// A scan as text for a terminal: per site a table of its layers (means over sequences, the ratio of
// top-1 to the median, where the largest value sits) and a bar chart of top-1 on a log scale. No
// line is wider than asked, whatever the tokens hold: columns that do not fit are left out.
#pragma once

#include <string>

#include "study/summary.h"
#include "study/wording.h"

namespace tepui {

struct TableOptions {
  int columns = 80;  // of the terminal; at least 20 are used
  Letters letters = Letters::unicode;
};

std::string site_table(const ScanSummary& scan, Site site, const TableOptions& options);
std::string table(const ScanSummary& scan, const TableOptions& options = {});
std::string chart(const ScanSummary& scan, Site site, const TableOptions& options = {});

}  // namespace tepui

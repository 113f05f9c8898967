// SPDX-License-Identifier: MIT
// A table of sizes as rows of shades on a log scale, one row a layer: small bars, or in
// ASCII letters of growing weight. Where there are more places than columns, a column stands
// for several and shows the largest of them; the caller is told how many.
#pragma once

#include <string>
#include <vector>

#include "show/style.h"

namespace tepui {

struct HeatRow {
  std::string label;
  std::vector<float> sizes;  // of all places, at least 0; NaN: unknown
  std::string note;
};

struct HeatRows {
  std::string text;  // with a ruler of places above; empty where there is nothing above 0
  int places_per_column = 1;
  double least = 0;  // the sizes of the lightest and the heaviest shade
  double most = 0;
};

HeatRows heat_rows(const std::vector<HeatRow>& rows, const Style& style);

}  // namespace tepui

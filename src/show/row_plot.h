// SPDX-License-Identifier: MIT
// A chart of rows, one a layer, on one shared log axis: marks at values, and bands between them.
#pragma once

#include <string>
#include <vector>

#include "show/style.h"

namespace tepui {

struct PlotMark {
  std::string letter;  // one column wide
  double value = 0;
  Paint paint = Paint::plain;
};

struct PlotBand {
  std::string letter;
  double from = 0;  // 0: from the axis' begin
  double to = 0;
};

struct PlotRow {
  std::string label;
  std::vector<PlotBand> bands;  // a later one is drawn over an earlier one
  std::vector<PlotMark> marks;  // over the bands; an earlier one hides a later one at its column
  std::string note;             // behind the row
};

// The axis stands above the rows. Empty where no value has a place on it.
std::string row_plot(const std::vector<PlotRow>& rows, const Style& style);

}  // namespace tepui

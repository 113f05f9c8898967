// SPDX-License-Identifier: MIT
// Numbers, places and tokens as chart data hold them.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "study/summary.h"

namespace tepui {

using ChartJson = nlohmann::ordered_json;

// Rounded to so many significant digits, an integer where it is one; null where it is not finite.
ChartJson chart_number(double value, int digits = 6);
// The shortest decimals that read back to the same float; null where it is not finite.
ChartJson chart_float(float value);

// null for a site without layers.
ChartJson chart_layer(Point point);

// One site of a scan as its charts need it.
struct ChartSite {
  StoreReader& store;
  const ScanSummary& scan;
  Site site = Site::resid_post;
  std::vector<const PointSummary*> points;  // of this site, by layer
  std::set<std::int32_t>& tokens;           // collects the token ids that charts name

  // The id of the token there, noted as named; null where the store has no such token.
  ChartJson token(int sequence, std::int64_t position) const;
};

// "layer 3", or the site's name where it has no layers.
std::string chart_place(Point point);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// An intervention as tables and as one JSON document, from its store.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "store/reader.h"
#include "study/scores.h"
#include "tepui/result.h"

namespace tepui {

struct InterveneSummary {
  ScoredRun scored;
  std::vector<CalibrationRow> calibration;
  std::vector<MeanRow> means;  // of the residual stream, by branch and layer
};

Result<InterveneSummary> read_intervention(StoreReader& store);

std::string intervene_table(const InterveneSummary& summary, int width);
nlohmann::ordered_json intervene_json(const InterveneSummary& summary);

}  // namespace tepui

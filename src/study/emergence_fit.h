// SPDX-License-Identifier: MIT
// The curves of train/emergence_curve.h through each layer's ratio over the checkpoints of a
// series, as tables and as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "study/emergence.h"
#include "train/curve_fit.h"

namespace tepui {

// For each layer, through mean largest / mean median: the definition that the five-parameter curve
// was published for.
std::vector<CurveFits> layer_fits(const std::vector<CheckpointState>& states);

// Which curve has the least AIC, the five parameters with their errors, the predicted peak, and why
// what is missing could not be fitted.
std::string fits_text(const std::vector<CheckpointState>& states);
nlohmann::ordered_json fits_json(const CurveFits& fits);

}  // namespace tepui

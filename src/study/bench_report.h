// SPDX-License-Identifier: MIT
// A benchmark and a prediction as text and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "study/bench.h"

namespace tepui {

std::string bench_text(const BenchResult& result);
nlohmann::ordered_json bench_json(const BenchResult& result);

std::string prediction_text(const Prediction& prediction);
nlohmann::ordered_json prediction_json(const Prediction& prediction);

}  // namespace tepui

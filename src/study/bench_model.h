// SPDX-License-Identifier: MIT
// The model that a benchmark runs: of a folder, or of a named shape and made up.
#pragma once

#include "models/model.h"
#include "study/bench.h"

namespace tepui {

struct BenchModel {
  Model model;
  int of_layers = 0;  // that the whole model has
};

Result<DType> bench_type(const std::string& name);

// With the weights stored as `type`, a name; empty: as they are.
Result<BenchModel> bench_model(const BenchRequest& request, const std::string& type);
// One that need not run.
Result<BenchModel> bench_outline(const BenchRequest& request, const std::string& type);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// What a pass through a model takes by the costs of its parts' Programs (cost.h), told without
// weights: of whole sequences, or of one more token behind one.
#pragma once

#include <memory>

#include "exec/cost.h"
#include "models/model.h"
#include "plan/site_selection.h"
#include "tepui/metric.h"

namespace tepui {

// Of a chunk of whole sequences. Weights are taken to be resident. `head` counts the scores of the
// vocabulary as well, tile by tile.
struct CostQuestion {
  const Model& model;
  std::vector<int> lengths;
  const SiteSelection& sites;  // measured by the metrics
  std::span<const std::unique_ptr<Metric>> metrics;
  bool head = false;
};
Result<std::vector<PartCost>> cost_of(const CostQuestion& question, const DeviceProfile& profile);

// Of one more token of a sequence that has this one as its `length`-th: its keys and values lie in
// a cache, and the token's are put to them. With the products of the head, whose logits go to the
// host.
Result<std::vector<PartCost>> token_cost(const Model& model, int length,
                                         const DeviceProfile& profile);

}  // namespace tepui

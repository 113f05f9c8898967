// SPDX-License-Identifier: MIT
// Which thresholds stored results are shown by.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "plan/massive_rule.h"
#include "store/reader.h"
#include "tepui/result.h"

namespace tepui {

// As asked for; what is not asked for is the run's own.
struct RuleChoice {
  std::optional<double> min_abs;
  std::optional<double> min_ratio;
};

// The thresholds of the commands that made a store: those that its results depend on (identity
// "rule"), else those of the last command (options "rule"), else the published ones.
MassiveRule stored_rule(const nlohmann::json& identity, const RunInfo& run);

// One rule for all stores that are shown together: theirs if they agree, else the published one;
// `choice` comes first.
Result<MassiveRule> chosen_rule(std::span<StoreReader* const> stores, const RuleChoice& choice);

}  // namespace tepui

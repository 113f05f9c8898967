// SPDX-License-Identifier: MIT
// Which tokens carry massive activations: the massive values of a site gathered by token and
// channel. Values of one token differ from layer to layer, so mean and deviation are those of the
// layer where that token's values are largest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "study/summary.h"

namespace tepui {

struct TokenRow {
  std::int32_t token_id = 0;
  std::string bytes;
  std::int64_t channel = 0;
  std::vector<std::int64_t> layers;  // ascending, where it is massive; empty: a site without layers
  std::int64_t occurrences = 0;      // of the token in the scanned sequences
  std::int64_t carrying = 0;         // of these, where the channel is massive in some layer
  int layer = kNoLayer;              // the one that the rest is of: the largest mean |value|
  int count = 0;
  double mean = 0;                  // of the signed values
  std::optional<double> deviation;  // the sample's standard deviation; from two values on
};

// Those with the largest mean first.
std::vector<TokenRow> token_table(const ScanSummary& scan, Site site);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// What a store says of probes: means and deviations over seeds, and the rate of false discoveries
// over everything that was probed.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "store/reader.h"
#include "tepui/result.h"

namespace tepui {

// Over seeds; NaN without any that is a number.
struct SeedMean {
  double mean = 0;
  double deviation = 0;  // of the sample; 0 for one seed
  int seeds = 0;
};

struct ProbeSummaryRow {
  std::string target;
  Point point;
  std::string features;
  std::string probe;
  std::map<std::string, SeedMean> numbers;  // by metric (store/schema.cpp)
  std::map<std::string, SeedMean> random;   // of the random model; empty: none
  std::vector<int> channels;                // of seed 0's sparse probe, the most telling first
  double p_value = 0;                       // one-sided, against the majority
  double false_discovery_rate = 0;          // Benjamini and Hochberg over all rows here

  bool real() const { return numbers.contains("r2"); }
  SeedMean number(const std::string& metric) const;
  SeedMean of_random(const std::string& metric) const;
  // "accuracy", or "r2" of values.
  const char* headline() const { return real() ? "r2" : "accuracy"; }
  // What did not converge, of how many seeds.
  int unfinished() const;
};

struct ProbeSummary {
  RunInfo run;
  nlohmann::json identity;
  int sequences = 0;
  int seeds = 0;
  int folds = 0;
  std::vector<ProbeSummaryRow> rows;  // by target, features, probe, site, layer
};

bool is_probe(const nlohmann::json& identity);
// An error where the store is of another command.
Result<ProbeSummary> summarise_probes(StoreReader& store);

}  // namespace tepui

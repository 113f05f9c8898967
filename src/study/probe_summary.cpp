// SPDX-License-Identifier: MIT
#include "study/probe_summary.h"

#include <cmath>
#include <tuple>

#include "train/significance.h"

namespace tepui {

namespace {

using SeedValues = std::map<std::string, std::vector<double>>;

// Probes in the order in which they are shown: sparse:2 before sparse:16.
std::pair<std::string, int> probe_order(const std::string& probe) {
  const std::size_t colon = probe.find(':');
  if (colon == std::string::npos) return {probe, 0};
  return {probe.substr(0, colon), std::atoi(probe.c_str() + colon + 1)};
}

struct SummaryKey {
  std::string target;
  std::string features;
  std::string probe;
  Point point;
  bool operator<(const SummaryKey& other) const {
    const auto order = [](const SummaryKey& key) {
      return std::tuple(key.target, key.features, probe_order(key.probe));
    };
    if (order(*this) != order(other)) return order(*this) < order(other);
    return std::pair(point.site, point.layer) < std::pair(other.point.site, other.point.layer);
  }
};

SeedMean mean_of_seeds(const std::vector<double>& values) {
  SeedMean out;
  double sum = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    sum += value;
    ++out.seeds;
  }
  out.mean = out.seeds > 0 ? sum / out.seeds : std::nan("");
  double square = 0;
  for (const double value : values)
    if (std::isfinite(value)) square += (value - out.mean) * (value - out.mean);
  if (out.seeds > 1) out.deviation = std::sqrt(square / (out.seeds - 1));
  return out;
}

std::map<std::string, SeedMean> means_of_seeds(const SeedValues& values) {
  std::map<std::string, SeedMean> out;
  for (const auto& [metric, own] : values) out[metric] = mean_of_seeds(own);
  return out;
}

SeedMean found_in(const std::map<std::string, SeedMean>& numbers, const std::string& metric) {
  const auto at = numbers.find(metric);
  return at == numbers.end() ? SeedMean{std::nan(""), 0, 0} : at->second;
}

}  // namespace

SeedMean ProbeSummaryRow::number(const std::string& metric) const {
  return found_in(numbers, metric);
}

SeedMean ProbeSummaryRow::of_random(const std::string& metric) const {
  return found_in(random, metric);
}

int ProbeSummaryRow::unfinished() const {
  const SeedMean converged = number("converged");
  if (converged.seeds == 0) return 0;
  return static_cast<int>(std::lround((1 - converged.mean) * converged.seeds));
}

bool is_probe(const nlohmann::json& identity) {
  return identity.is_object() && identity.value("kind", std::string()) == "probe";
}

Result<ProbeSummary> summarise_probes(StoreReader& store) {
  ProbeSummary out;
  TEPUI_TRY(out.identity, store.identity());
  if (!is_probe(out.identity))
    return fail(ErrorKind::data, "{}: expected a store of tepui probe, found another one",
                store.file().string());
  TEPUI_TRY(out.run, store.run());
  TEPUI_TRY(const auto sequences, store.sequences());
  out.sequences = static_cast<int>(sequences.size());
  out.seeds = out.identity.value("seeds", 0);
  out.folds = out.identity.value("folds", 0);
  TEPUI_TRY(const auto stored, store.probes());
  struct Values {
    SeedValues given;
    SeedValues random;
    std::map<int, int> channels;
    double p = std::nan("");
  };
  std::map<SummaryKey, Values> all;
  for (const ProbeRow& row : stored) {
    Values& own = all[{row.target, row.features, row.probe, row.point}];
    if (row.seed < 0) {
      if (row.metric == "p_value" && row.model == "given") own.p = row.value;
      continue;
    }
    if (row.metric.starts_with("channel.")) {
      if (row.seed == 0 && row.model == "given")
        own.channels[std::atoi(row.metric.c_str() + 8)] = static_cast<int>(row.value);
      continue;
    }
    (row.model == "given" ? own.given : own.random)[row.metric].push_back(row.value);
  }
  std::vector<double> p;
  for (const auto& [key, values] : all) {
    if (values.given.empty()) continue;
    ProbeSummaryRow row;
    row.target = key.target;
    row.point = key.point;
    row.features = key.features;
    row.probe = key.probe;
    row.numbers = means_of_seeds(values.given);
    row.random = means_of_seeds(values.random);
    for (const auto& [rank, channel] : values.channels) row.channels.push_back(channel);
    row.p_value = values.p;
    p.push_back(values.p);
    out.rows.push_back(std::move(row));
  }
  const std::vector<double> rates = false_discovery_rates(p);
  for (std::size_t i = 0; i < rates.size(); ++i) out.rows[i].false_discovery_rate = rates[i];
  return out;
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "store/branch_tables.h"

#include <cmath>

namespace tepui {

namespace {

std::optional<double> finite(double value) {
  if (!std::isfinite(value)) return std::nullopt;
  return value;
}

DataTable branches_of(const std::vector<BranchRow>& rows) {
  Integers branch;
  Texts name;
  Texts edits;
  for (const BranchRow& row : rows) {
    branch.push_back(static_cast<std::int64_t>(name.size()));
    name.push_back(row.name);
    edits.push_back(row.edits);
  }
  return {"branches", {{"branch", branch}, {"name", name}, {"edits", edits}}};
}

DataTable likelihoods_of(const std::vector<LikelihoodRow>& rows) {
  Integers branch;
  Integers sequence;
  Integers tokens;
  Reals nll;
  Reals kl;
  for (const LikelihoodRow& row : rows) {
    branch.push_back(row.branch);
    sequence.push_back(row.sequence);
    tokens.push_back(row.tokens);
    nll.push_back(finite(row.nll));
    kl.push_back(finite(row.kl));
  }
  return {
      "likelihoods",
      {{"branch", branch}, {"sequence", sequence}, {"tokens", tokens}, {"nll", nll}, {"kl", kl}}};
}

DataTable calibration_of(const std::vector<CalibrationRow>& rows) {
  Integers layer;
  Texts site;
  Integers channel;
  Texts token_class;
  Integers count;
  Reals mean;
  Reals deviation;
  for (const CalibrationRow& row : rows) {
    layer.push_back(row.point.layer == kNoLayer ? std::nullopt
                                                : std::optional<std::int64_t>(row.point.layer));
    site.emplace_back(site_name(row.point.site));
    channel.push_back(row.channel);
    token_class.emplace_back(row.first ? "first" : "other");
    count.push_back(row.count);
    mean.push_back(row.mean);
    deviation.push_back(row.deviation);
  }
  return {"calibration",
          {{"layer", layer},
           {"site", site},
           {"channel", channel},
           {"token_class", token_class},
           {"count", count},
           {"mean", mean},
           {"deviation", deviation}}};
}

DataTable probes_of(const std::vector<ProbeRow>& rows) {
  Texts model;
  Texts target;
  Integers layer;
  Texts site;
  Texts features;
  Texts probe;
  Integers seed;
  Texts metric;
  Reals value;
  for (const ProbeRow& row : rows) {
    model.push_back(row.model);
    target.push_back(row.target);
    layer.push_back(row.point.layer == kNoLayer ? std::nullopt
                                                : std::optional<std::int64_t>(row.point.layer));
    site.emplace_back(site_name(row.point.site));
    features.push_back(row.features);
    probe.push_back(row.probe);
    seed.push_back(row.seed);
    metric.push_back(row.metric);
    value.push_back(finite(row.value));
  }
  return {"probes",
          {{"model", model},
           {"target", target},
           {"layer", layer},
           {"site", site},
           {"features", features},
           {"probe", probe},
           {"seed", seed},
           {"metric", metric},
           {"value", value}}};
}

DataTable weights_of(const std::vector<WeightRow>& rows) {
  Integers layer;
  Texts weight;
  Texts metric;
  Reals value;
  for (const WeightRow& row : rows) {
    layer.push_back(row.layer == kNoLayer ? std::nullopt : std::optional<std::int64_t>(row.layer));
    weight.push_back(row.weight);
    metric.push_back(row.metric);
    value.push_back(finite(row.value));
  }
  return {"weights", {{"layer", layer}, {"weight", weight}, {"metric", metric}, {"value", value}}};
}

}  // namespace

Result<std::vector<DataTable>> branch_tables(StoreReader& store) {
  TEPUI_TRY(const auto branches, store.branches());
  TEPUI_TRY(const auto likelihoods, store.likelihoods());
  TEPUI_TRY(const auto calibration, store.calibration());
  TEPUI_TRY(const auto probes, store.probes());
  TEPUI_TRY(const auto weights, store.weights());
  return std::vector<DataTable>{branches_of(branches), likelihoods_of(likelihoods),
                                calibration_of(calibration), weights_of(weights),
                                probes_of(probes)};
}

}  // namespace tepui

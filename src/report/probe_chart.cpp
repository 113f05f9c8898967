// SPDX-License-Identifier: MIT
#include "report/probe_chart.h"

#include <cmath>

#include "base/utf8_text.h"

namespace tepui {

namespace {

ChartJson pair_json(const SeedMean& one) {
  if (one.seeds == 0) return nullptr;
  return {chart_number(one.mean, 4), chart_number(one.deviation, 3)};
}

ChartJson mean_json_of(const SeedMean& one) {
  if (one.seeds == 0) return nullptr;
  return chart_number(one.mean, 4);
}

ChartJson new_series(const ProbeSummaryRow& row) {
  ChartJson series;
  series["target"] = valid_utf8(row.target);
  series["probe"] = row.probe;
  series["features"] = row.features;
  series["site"] = site_name(row.point.site);
  series["headline"] = row.headline();
  return series;
}

void add_place(ChartJson& series, const ProbeSummaryRow& row) {
  series["layers"].push_back(site_has_layer(row.point.site) ? ChartJson(row.point.layer)
                                                            : ChartJson(nullptr));
  series["score"].push_back(pair_json(row.number(row.headline())));
  for (const char* metric : {"selectivity", "control", "random_labels", "bits", "control_bits"})
    series[metric].push_back(pair_json(row.number(metric)));
  series["random_model"].push_back(pair_json(row.of_random(row.headline())));
  series["random_model_bits"].push_back(pair_json(row.of_random("bits")));
  for (const char* metric : {"majority", "uniform_bits", "compression", "mcc", "roc_auc"})
    series[metric].push_back(mean_json_of(row.number(metric)));
  series["fdr"].push_back(std::isnan(row.false_discovery_rate)
                              ? ChartJson(nullptr)
                              : chart_number(row.false_discovery_rate, 3));
}

}  // namespace

ChartJson probe_chart(const ProbeSummary& summary) {
  ChartJson json;
  json["seeds"] = summary.seeds;
  json["sequences"] = summary.sequences;
  json["series"] = ChartJson::array();
  const ProbeSummaryRow* before = nullptr;
  for (const ProbeSummaryRow& row : summary.rows) {
    const bool same = before != nullptr && before->target == row.target &&
                      before->features == row.features && before->probe == row.probe &&
                      before->point.site == row.point.site;
    if (!same) json["series"].push_back(new_series(row));
    add_place(json["series"].back(), row);
    before = &row;
  }
  return json;
}

}  // namespace tepui

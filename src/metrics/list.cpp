// SPDX-License-Identifier: MIT
#include "metrics/list.h"

namespace tepui {

std::vector<std::unique_ptr<Metric>> scan_metrics(const ScanMetricOptions& options) {
  std::vector<std::unique_ptr<Metric>> list;
  list.push_back(make_top_k(options));
  list.push_back(make_quantiles(options));
  list.push_back(make_channel_max());
  list.push_back(make_token_max());
  list.push_back(make_l2_norm());
  if (options.surface > 0) list.push_back(make_surface(options.surface));
  return list;
}

std::vector<std::unique_ptr<Metric>> intervention_metrics(const ScanMetricOptions& options) {
  std::vector<std::unique_ptr<Metric>> list;
  list.push_back(make_top_k(options));
  list.push_back(make_quantiles(options));
  list.push_back(make_change());
  return list;
}

std::vector<std::unique_ptr<Metric>> calibration_metrics(const ScanMetricOptions& options) {
  std::vector<std::unique_ptr<Metric>> list;
  list.push_back(make_quantiles(options));
  return list;
}

std::vector<std::unique_ptr<Metric>> attention_metrics(const AttentionMetricOptions& options,
                                                       const TokenMarks& marks) {
  std::vector<std::unique_ptr<Metric>> list;
  list.push_back(make_attention(options, marks));
  list.push_back(make_token_norms(marks));
  if (!options.maps.empty()) list.push_back(make_attention_maps(options));
  return list;
}

std::vector<std::unique_ptr<Metric>> origin_metrics(const Model& model, const OriginPlaces& places,
                                                    int neurons) {
  std::vector<std::unique_ptr<Metric>> list;
  list.push_back(make_largest());
  list.push_back(make_origin(model, places, neurons));
  return list;
}

}  // namespace tepui

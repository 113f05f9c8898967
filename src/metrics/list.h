// SPDX-License-Identifier: MIT
// One line per metric; each is defined in the file of its name.
#pragma once

#include <memory>

#include "tepui/metric.h"

namespace tepui {

std::unique_ptr<Metric> make_top_k(const ScanMetricOptions& options);
std::unique_ptr<Metric> make_largest();  // top_k of one, under its own name
std::unique_ptr<Metric> make_quantiles(const ScanMetricOptions& options);
std::unique_ptr<Metric> make_channel_max();
std::unique_ptr<Metric> make_token_max();
std::unique_ptr<Metric> make_l2_norm();
std::unique_ptr<Metric> make_surface(int sequences);
std::unique_ptr<Metric> make_change();
std::unique_ptr<Metric> make_attention(const AttentionMetricOptions& options,
                                       const TokenMarks& marks);
std::unique_ptr<Metric> make_attention_maps(const AttentionMetricOptions& options);
std::unique_ptr<Metric> make_token_norms(const TokenMarks& marks);
std::unique_ptr<Metric> make_origin(const Model& model, const OriginPlaces& places, int neurons);

}  // namespace tepui

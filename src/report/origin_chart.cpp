// SPDX-License-Identifier: MIT
#include "report/origin_chart.h"

#include <algorithm>
#include <cmath>

#include "study/origin_report.h"

namespace tepui {

namespace {

constexpr std::size_t kFollowed = 64;
constexpr std::size_t kCarriers = 3;

ChartJson life_json(const OriginSummary& summary, const OriginGroup& group) {
  const OriginLife& life = *group.largest;
  ChartJson json;
  json["token"] = group.token_id;
  json["first"] = group.first;
  json["channel"] = group.channel;
  json["sequences"] = group.sequences;
  json["massive_layers"] = group.massive_layers;
  json["sequence"] = life.sequence;
  json["position"] = life.position;
  json["embedding"] = chart_float(life.embedding);
  json["layers"] = ChartJson::array();
  for (std::size_t at = 0; at < life.layers.size(); ++at) {
    const LayerPart& layer = life.layers[at];
    const int number = static_cast<int>(at);
    json["layers"].push_back(
        {{"attention", chart_float(layer.attention)},
         {"mlp", chart_float(layer.mlp)},
         {"resid_post", chart_float(layer.resid_post)},
         {"by_attention",
          carriers(summary, life, {OriginPart::attention, number, layer.attention, 0}, kCarriers)},
         {"by_mlp", carriers(summary, life, {OriginPart::mlp, number, layer.mlp, 0}, kCarriers)}});
  }
  return json;
}

}  // namespace

ChartJson origin_chart(const OriginSummary& summary, std::set<std::int32_t>& tokens) {
  ChartJson json;
  json["lives"] = ChartJson::array();
  for (std::size_t i = 0; i < std::min(kFollowed, summary.groups.size()); ++i) {
    json["lives"].push_back(life_json(summary, summary.groups[i]));
    tokens.insert(summary.groups[i].token_id);
  }
  json["left_out"] = summary.groups.size() - json["lives"].size();
  json["limit"] = kLargestHalf;
  json["ranges"] = ChartJson::array();
  for (const SiteRange& range : summary.ranges) {
    const std::int32_t token = summary.token_at(range.sequence, range.position);
    tokens.insert(token);
    json["ranges"].push_back({{"site", site_name(range.point.site)},
                              {"layer", chart_layer(range.point)},
                              {"value", chart_float(range.value)},
                              {"position", range.position},
                              {"channel", range.channel},
                              {"token", token}});
  }
  return json;
}

}  // namespace tepui

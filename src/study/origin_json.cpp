// SPDX-License-Identifier: MIT
#include <cmath>

#include "base/utf8_text.h"
#include "study/json_values.h"
#include "study/origin_report.h"
#include "study/stored_rule.h"

namespace tepui {

namespace {

using Json = nlohmann::ordered_json;

Json contribution_json(const Contribution& one) {
  constexpr const char* kParts[] = {"embedding", "attention", "mlp"};
  return {{"part", kParts[static_cast<std::size_t>(one.part)]},
          {"layer", one.part == OriginPart::embedding ? Json(nullptr) : Json(one.layer)},
          {"value", number(one.value)},
          {"share", number(one.share)}};
}

Json contributions_json(const std::vector<Contribution>& list) {
  Json out = Json::array();
  for (const Contribution& one : list) out.push_back(contribution_json(one));
  return out;
}

Json neuron_json(const OriginSummary& summary, const NeuronPart& one) {
  Json entry;
  const auto hidden = static_cast<std::uint32_t>(summary.hidden);
  entry["expert"] = hidden == 0 ? Json(nullptr) : Json(one.neuron / hidden);
  entry["neuron"] = hidden == 0 ? one.neuron : one.neuron % hidden;
  entry["activation"] = number(one.act);
  entry["weight"] = number(one.weight);
  entry["gives"] = number(one.gives);
  return entry;
}

Json layer_json(const OriginSummary& summary, std::size_t at, const LayerPart& layer) {
  Json entry;
  entry["layer"] = at;
  entry["attention"] = number(layer.attention);
  entry["mlp"] = number(layer.mlp);
  entry["resid_post"] = number(layer.resid_post);
  entry["attn_out"] = number(layer.attention_raw);
  entry["heads"] = Json::array();
  for (const float head : layer.heads) entry["heads"].push_back(number(head));
  entry["mlp_out"] = number(layer.mlp_raw);
  entry["neurons"] = Json::array();
  for (const NeuronPart& one : layer.neurons) entry["neurons"].push_back(neuron_json(summary, one));
  return entry;
}

Json life_json(const OriginSummary& summary, const OriginLife& life) {
  Json entry;
  entry["sequence"] = life.sequence;
  entry["position"] = life.position;
  entry["channel"] = life.channel;
  entry["token_id"] = life.token_id;
  entry["token"] = valid_utf8(summary.token_bytes(life.token_id));
  entry["massive_layers"] = life.massive_layers;
  entry["peak"] = {{"layer", life.peak_layer()}, {"value", number(life.peak())}};
  entry["written"] = contributions_json(written(life));
  entry["removed"] = contributions_json(removed(life));
  entry["embedding"] = number(life.embedding);
  entry["layers"] = Json::array();
  for (std::size_t at = 0; at < life.layers.size(); ++at)
    entry["layers"].push_back(layer_json(summary, at, life.layers[at]));
  return entry;
}

}  // namespace

Json origin_json(const OriginSummary& summary) {
  Json document;
  put_run(document, summary.run);
  put_protocol(document, summary.identity);
  put_rule(document, stored_rule(summary.identity, summary.run));
  document["sequences"] = {{"total", summary.sequences}, {"measured", summary.finished}};
  document["finding"] = origin_finding(summary);
  document["activations"] = Json::array();
  for (const OriginLife& life : summary.lives)
    document["activations"].push_back(life_json(summary, life));
  document["f16_largest"] = kLargestHalf;
  document["ranges"] = Json::array();
  for (const SiteRange& range : summary.ranges) {
    const double times = std::abs(double{range.value}) / kLargestHalf;
    document["ranges"].push_back(
        {{"site", site_name(range.point.site)},
         {"layer", range.point.layer == kNoLayer ? Json(nullptr) : Json(range.point.layer)},
         {"value", number(range.value)},
         {"times_f16", number(times)},
         {"beyond_f16", times > 1},
         {"sequence", range.sequence},
         {"position", range.position},
         {"channel", range.channel}});
  }
  return document;
}

}  // namespace tepui

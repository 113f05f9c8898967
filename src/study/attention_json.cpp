// SPDX-License-Identifier: MIT
#include "base/utf8_text.h"
#include "study/attention_report.h"
#include "study/json_values.h"
#include "study/stored_rule.h"

namespace tepui {

namespace {

using Json = nlohmann::ordered_json;

Json numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(number(value));
  return list;
}

Json constancy_json(const ConstancyMean& one) {
  return {{"square", number(one.square)},
          {"centre", number(one.centre)},
          {"relative_variance", number(one.variance)},
          {"cosine", number(one.cosine)}};
}

Json constancy_json(const std::optional<ConstancyMean>& one) {
  return one ? constancy_json(*one) : Json(nullptr);
}

Json constancies(const std::vector<ConstancyMean>& list) {
  Json out = Json::array();
  for (const ConstancyMean& one : list) out.push_back(constancy_json(one));
  return out;
}

Json norms_json(const NormMeans& norms) {
  return {{"first", numbers(norms.first)},
          {"tokens", numbers(norms.marked)},
          {"others", numbers(norms.others)}};
}

Json layer_json(const AttentionLayer& layer) {
  Json entry;
  entry["layer"] = layer.layer;
  entry["sequences"] = layer.sequences;
  entry["key_receives"] = numbers(layer.received);
  entry["sink_sequences"] = layer.sinks;
  entry["entropy"] = numbers(layer.entropy);
  entry["tokens_receive"] = numbers(layer.share);
  entry["part_by_head"] = constancies(layer.z_part);
  entry["rest_by_head"] = constancies(layer.z_rest);
  entry["part"] = constancy_json(layer.out_part);
  entry["rest"] = constancy_json(layer.out_rest);
  entry["norms"] = {{"resid_pre", norms_json(layer.resid_pre)},
                    {"attn_in", norms_json(layer.attn_in)},
                    {"q", norms_json(layer.q)},
                    {"k", norms_json(layer.k)},
                    {"v", norms_json(layer.v)}};
  entry["peaks"] = {{"resid_pre", norms_json(layer.resid_peak)},
                    {"attn_in", norms_json(layer.attn_peak)}};
  return entry;
}

}  // namespace

Json attention_json(const AttentionSummary& summary) {
  Json document;
  put_run(document, summary.run);
  put_protocol(document, summary.identity);
  put_rule(document, stored_rule(summary.identity, summary.run));
  document["sequences"] = {{"total", summary.sequences}, {"measured", summary.finished}};
  document["sink"] = {{"key", summary.rule.key},
                      {"epsilon", number(summary.rule.epsilon)},
                      {"tokens", summary.early}};
  document["positions"] = summary.asked.empty() ? Json(nullptr) : Json(summary.asked);
  document["massive_tokens"] = Json::array();
  for (const MassiveToken& one : summary.massive)
    document["massive_tokens"].push_back({{"token_id", one.token_id},
                                          {"token", valid_utf8(summary.token_bytes(one.token_id))},
                                          {"position", one.position},
                                          {"sequences", one.sequences},
                                          {"layers", one.layers}});
  document["branches"] = Json::array();
  for (const AttentionBranch& branch : summary.branches) {
    Json entry;
    entry["name"] = valid_utf8(branch.name);
    entry["edits"] = valid_utf8(branch.edits);
    entry["sink_rate"] = number(branch.sink_rate());
    entry["layers"] = Json::array();
    for (const AttentionLayer& layer : branch.layers) entry["layers"].push_back(layer_json(layer));
    document["branches"].push_back(std::move(entry));
  }
  return document;
}

}  // namespace tepui

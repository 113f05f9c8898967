// SPDX-License-Identifier: MIT
#include "study/scan_json.h"

#include <cmath>

#include "base/utf8_text.h"
#include "study/finding.h"
#include "study/json_values.h"

namespace tepui {

namespace {

using Json = nlohmann::ordered_json;

Json layer_of(Point point) {
  if (point.layer == kNoLayer) return nullptr;
  return point.layer;
}

void put_token(Json& target, const VocabularyRow& token) {
  target["token_id"] = token.token_id;
  target["token"] = valid_utf8(token.bytes);
  target["piece"] = valid_utf8(token.piece);
}

Json layer_entry(const PointSummary& point, const ScanSummary& scan) {
  Json entry;
  entry["layer"] = layer_of(point.point);
  entry["site"] = site_name(point.point.site);
  entry["median"] = number(point.median);
  entry["top_mean"] = Json::array();
  for (const double mean : point.top_mean) entry["top_mean"].push_back(number(mean));
  entry["top"] = Json::array();
  for (const TopValue& value : point.top) {
    Json top;
    top["value"] = number(value.value);
    top["sequence"] = value.sequence;
    top["position"] = value.position;
    put_token(top, scan.token(value.sequence, value.position));
    top["channel"] = value.channel;
    entry["top"].push_back(std::move(top));
  }
  entry["quantiles"] = Json::array();
  for (const QuantileMean& quantile : point.quantiles)
    entry["quantiles"].push_back(
        {{"fraction", number(quantile.fraction)}, {"mean", number(quantile.mean)}});
  entry["massive_sequences"] = point.massive_sequences;
  return entry;
}

Json massive_entry(const MassiveValue& value, const ScanSummary& scan) {
  Json entry;
  entry["layer"] = layer_of(value.point);
  entry["site"] = site_name(value.point.site);
  entry["sequence"] = value.sequence;
  entry["position"] = value.position;
  entry["channel"] = value.channel;
  entry["value"] = number(value.value);
  entry["ratio"] = value.ratio ? number(*value.ratio) : Json(nullptr);
  put_token(entry, scan.token(value.sequence, value.position));
  return entry;
}

Json group_entry(const MassiveGroup& group, const ScanSummary& scan) {
  Json entry;
  entry["layer"] = layer_of(group.point);
  entry["site"] = site_name(group.point.site);
  entry["channel"] = group.channel;
  entry["token_class"] = token_class_name(group.token_class);
  entry["count"] = group.count;
  entry["sequences"] = group.sequences;
  entry["mean"] = number(group.mean);
  entry["deviation"] = group.deviation ? number(*group.deviation) : Json(nullptr);
  entry["ratio"] = group.ratio ? number(*group.ratio) : Json(nullptr);
  entry["tokens"] = Json::array();
  for (const auto& [id, count] : group.tokens) {
    Json token;
    const auto found = scan.vocabulary.find(id);
    put_token(token, found == scan.vocabulary.end() ? VocabularyRow{id, "", ""} : found->second);
    token["count"] = count;
    entry["tokens"].push_back(std::move(token));
  }
  return entry;
}

Json errors_of(const ScanSummary& scan) {
  Json errors = Json::array();
  for (const NotFinite& note : scan.not_finite) {
    Json entry;
    entry["layer"] = layer_of(note.point);
    entry["site"] = site_name(note.point.site);
    entry["sequence"] = note.sequence;
    entry["metric"] = note.metric;
    entry["position"] = note.position < 0 ? Json(nullptr) : Json(note.position);
    entry["channel"] = note.channel < 0 ? Json(nullptr) : Json(note.channel);
    entry["value"] = std::isnan(note.value) ? "nan" : note.value > 0 ? "inf" : "-inf";
    errors.push_back(std::move(entry));
  }
  return errors;
}

Json incomplete_of(const ScanSummary& scan) {
  Json incomplete = Json::array();
  for (const CutList& cut : scan.massive.cuts) {
    Json entry;
    entry["layer"] = layer_of(cut.point);
    entry["site"] = site_name(cut.point.site);
    entry["sequence"] = cut.sequence;
    entry["listed"] = cut.listed;
    entry["count"] = cut.count;
    incomplete.push_back(std::move(entry));
  }
  return incomplete;
}

Json sequences_of(const ScanSummary& scan) {
  std::int64_t tokens = 0;
  for (const int sequence : scan.finished)
    tokens +=
        static_cast<std::int64_t>(scan.sequences[static_cast<std::size_t>(sequence)].tokens.size());
  Json entry;
  entry["total"] = scan.sequences.size();
  entry["scanned"] = scan.finished.size();
  entry["tokens"] = tokens;
  return entry;
}

}  // namespace

Json scan_json(const ScanSummary& scan) {
  Json document;
  put_run(document, scan.run);
  document["sequences"] = sequences_of(scan);
  put_rule(document, scan.options.rule);
  document["layers"] = Json::array();
  for (const PointSummary& point : scan.points)
    document["layers"].push_back(layer_entry(point, scan));
  document["massive"] = Json::array();
  for (const MassiveValue& value : scan.massive.values)
    document["massive"].push_back(massive_entry(value, scan));
  document["constancy"] = Json::array();
  for (const MassiveGroup& group : scan.groups)
    document["constancy"].push_back(group_entry(group, scan));
  document["incomplete"] = incomplete_of(scan);
  document["errors"] = errors_of(scan);
  document["finding"] = valid_utf8(finding(scan));
  return document;
}

}  // namespace tepui

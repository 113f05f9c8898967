// SPDX-License-Identifier: MIT
#include "study/json_values.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/utf8_text.h"

namespace tepui {

namespace {

using Json = nlohmann::ordered_json;

}  // namespace

Json number(float value) {
  if (!std::isfinite(value)) return nullptr;
  const std::string text = fmt::format("{}", value);
  double shortest = double{value};
  std::from_chars(text.data(), text.data() + text.size(), shortest);
  return shortest;
}

Json number(double value) {
  if (!std::isfinite(value)) return nullptr;
  return value;
}

void put_run(Json& document, const RunInfo& run) {
  document["tepui"] = valid_utf8(run.version);
  document["model"] = valid_utf8(run.model);
  document["model_path"] = valid_utf8(run.model_path);
  document["model_fingerprint"] = valid_utf8(run.model_fingerprint);
  document["tokenizer"] = valid_utf8(run.tokenizer);
  document["tokenizer_fingerprint"] = valid_utf8(run.tokenizer_fingerprint);
  document["text"] = valid_utf8(run.text);
  document["text_fingerprint"] = valid_utf8(run.text_fingerprint);
  document["backend"] = valid_utf8(run.backend);
  document["device"] = valid_utf8(run.device);
  document["detail"] = valid_utf8(run.detail);
  auto options = Json::parse(run.options, nullptr, false);
  document["options"] = options.is_discarded() ? Json(nullptr) : std::move(options);
}

void put_rule(Json& document, const MassiveRule& rule) {
  document["rule"] = {{"min_abs", number(rule.min_abs)}, {"min_ratio", number(rule.min_ratio)}};
}

void put_protocol(Json& document, const nlohmann::json& identity) {
  const auto protocol = identity.value("protocol", nlohmann::json::object());
  const auto replace = nlohmann::json::error_handler_t::replace;
  document["protocol"] = Json::parse(protocol.dump(-1, ' ', true, replace), nullptr, false);
}

std::string json_text(const Json& document) {
  return document.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tepui

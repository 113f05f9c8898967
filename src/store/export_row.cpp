// SPDX-License-Identifier: MIT
#include "store/export_row.h"

#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

namespace tepui {

void ExportRow::begin() {
  if (format_ == ExportFormat::json_lines) out_ += '{';
  first_ = true;
}

void ExportRow::end() { out_ += format_ == ExportFormat::json_lines ? "}\n" : "\n"; }

void ExportRow::name(std::string_view name) {
  if (!first_) out_ += ',';
  first_ = false;
  if (format_ == ExportFormat::json_lines)
    fmt::format_to(std::back_inserter(out_), "\"{}\":", name);
}

void ExportRow::number(std::string_view name, std::int64_t value) {
  this->name(name);
  fmt::format_to(std::back_inserter(out_), "{}", value);
}

void ExportRow::layer(int layer) {
  if (layer == kNoLayer) return nothing("layer");
  number("layer", layer);
}

template <class T>
void ExportRow::put_real(std::string_view name, T value) {
  this->name(name);
  const bool quoted = format_ == ExportFormat::json_lines && !std::isfinite(value);
  if (std::isnan(value)) value = std::abs(value);  // the sign of a NaN means nothing
  if (quoted) out_ += '"';
  fmt::format_to(std::back_inserter(out_), "{}", value);
  if (quoted) out_ += '"';
}

void ExportRow::real(std::string_view name, double value) { put_real(name, value); }

void ExportRow::real(std::string_view name, float value) { put_real(name, value); }

void ExportRow::text(std::string_view name, std::string_view value) {
  this->name(name);
  if (format_ == ExportFormat::json_lines) {
    out_ += nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return;
  }
  // RFC 4180. A blank at an end is quoted as well: some readers trim.
  const bool quoted = value.find_first_of(",\"\r\n") != std::string_view::npos ||
                      value.starts_with(' ') || value.ends_with(' ');
  if (!quoted) {
    out_ += value;
    return;
  }
  out_ += '"';
  for (const char letter : value) {
    if (letter == '"') out_ += '"';
    out_ += letter;
  }
  out_ += '"';
}

void ExportRow::list(std::string_view name, std::span<const std::int32_t> values) {
  this->name(name);
  const bool json = format_ == ExportFormat::json_lines;
  if (json) out_ += '[';
  bool first = true;
  for (const std::int32_t value : values) {
    if (!first) out_ += json ? ',' : ' ';
    first = false;
    fmt::format_to(std::back_inserter(out_), "{}", value);
  }
  if (json) out_ += ']';
}

void ExportRow::nothing(std::string_view name) {
  this->name(name);
  if (format_ == ExportFormat::json_lines) out_ += "null";
}

}  // namespace tepui

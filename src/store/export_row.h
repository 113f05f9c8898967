// SPDX-License-Identifier: MIT
// One line of an export, built field by field: the same calls give CSV or a JSON object. Strings
// must be valid UTF-8 by now. Used by export.cpp alone.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "store/export.h"

namespace tepui {

class ExportRow {
 public:
  // Appends to `out`, which holds what was not yet handed on.
  ExportRow(ExportFormat format, std::string& out) : format_(format), out_(out) {}

  void begin();
  void end();
  void number(std::string_view name, std::int64_t value);
  void layer(int layer);
  void real(std::string_view name, double value);
  void real(std::string_view name, float value);
  void text(std::string_view name, std::string_view value);
  void list(std::string_view name, std::span<const std::int32_t> values);
  void nothing(std::string_view name);

 private:
  void name(std::string_view name);
  template <class T>
  void put_real(std::string_view name, T value);

  ExportFormat format_;
  std::string& out_;
  bool first_ = true;
};

}  // namespace tepui

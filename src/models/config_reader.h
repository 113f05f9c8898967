// SPDX-License-Identifier: MIT
// A JSON object of a configuration. Every value is checked; an error names the file, the object
// within it, the key, what was expected and what was found. A key that is null counts as absent.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tepui/result.h"

namespace tepui {

class ConfigReader {
 public:
  // `where` names the object within the file; empty: the whole file.
  ConfigReader(const nlohmann::json& object, std::string file, std::string where = "");

  bool has(std::string_view key) const;      // and not null
  bool is_null(std::string_view key) const;  // there, and null: some keys are switched off so
  // The first of these names that is there, or the first.
  std::string_view first_of(std::initializer_list<std::string_view> names) const;

  Result<bool> flag(std::string_view key, bool fallback) const;
  // A whole number from 1 to `most`; the fallback, unchecked, where the key is absent.
  Result<int> size(std::string_view key, int fallback, std::int64_t most = 1 << 28) const;
  // A positive number below 1e12; a negative fallback makes the key required.
  Result<double> number(std::string_view key, double fallback) const;
  Result<float> fraction(std::string_view key) const;  // from 0 to 1; the key must be there
  Result<std::vector<double>> numbers(
      std::string_view key) const;  // positive ones; empty if absent
  Result<std::string> text(std::string_view key, std::string_view fallback) const;
  Result<std::vector<std::string>> texts(std::string_view key) const;  // empty if absent
  // Nothing where the key is absent or an empty object.
  Result<std::optional<ConfigReader>> object(std::string_view key) const;

  // An error where the switch is not as this program needs it.
  Status must_be(std::string_view key, bool value, bool fallback) const;

  // A fault of this key: "FILE: key "KEY": expected ..., found ...".
  Error fault(ErrorKind kind, std::string_view key, std::string_view expected) const;
  std::string place() const;  // "FILE" or "FILE: where"

 private:
  const nlohmann::json* find(std::string_view key) const;  // null where absent or null
  Error wrong(std::string_view key, std::string_view expected, const nlohmann::json& found) const;

  const nlohmann::json* object_;
  std::string file_;
  std::string where_;
};

// A key or a name from the file, as text for a message: short, in printable ASCII.
std::string displayable_key(const std::string& text);
std::string displayable_value(const nlohmann::json& value);

}  // namespace tepui

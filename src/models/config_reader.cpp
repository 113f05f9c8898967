// SPDX-License-Identifier: MIT
#include "models/config_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tepui {

using nlohmann::json;

namespace {

constexpr std::string_view kPositive = "a positive number below 1e12";

bool is_positive(const json& value) {
  return value.is_number() && value.get<double>() > 0.0 && value.get<double>() < 1e12;
}

// Of a list, what is not as expected; else what was found.
const json& culprit(const json& found, bool (*fits)(const json&)) {
  if (!found.is_array()) return found;
  const auto one = std::ranges::find_if_not(found, fits);
  return one == found.end() ? found : *one;
}

}  // namespace

std::string displayable_key(const std::string& text) {
  std::string out;
  for (const char c : text.substr(0, 80)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte >= 0x20 && byte < 0x7f ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
  }
  return out;
}

std::string displayable_value(const json& value) {
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  return value.dump(-1, ' ', true, json::error_handler_t::replace).substr(0, 80);
}

ConfigReader::ConfigReader(const json& object, std::string file, std::string where)
    : object_(&object), file_(std::move(file)), where_(std::move(where)) {}

const json* ConfigReader::find(std::string_view key) const {
  if (key.empty()) return nullptr;
  const auto found = object_->find(key);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

bool ConfigReader::has(std::string_view key) const { return find(key) != nullptr; }

bool ConfigReader::is_null(std::string_view key) const {
  const auto found = object_->find(key);
  return found != object_->end() && found->is_null();
}

std::string_view ConfigReader::first_of(std::initializer_list<std::string_view> names) const {
  for (const std::string_view name : names) {
    if (has(name)) return name;
  }
  return *names.begin();
}

std::string ConfigReader::place() const {
  return where_.empty() ? file_ : fmt::format("{}: {}", file_, where_);
}

Error ConfigReader::wrong(std::string_view key, std::string_view expected,
                          const json& found) const {
  return {ErrorKind::data, fmt::format("{}: key \"{}\": expected {}, found {}", place(), key,
                                       expected, displayable_value(found))};
}

Error ConfigReader::fault(ErrorKind kind, std::string_view key, std::string_view expected) const {
  const json* value = find(key);
  return {kind, fmt::format("{}: key \"{}\": expected {}, found {}", place(), key, expected,
                            value == nullptr ? "none" : displayable_value(*value))};
}

Result<bool> ConfigReader::flag(std::string_view key, bool fallback) const {
  const json* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) return tl::unexpected(wrong(key, "true or false", *value));
  return value->get<bool>();
}

Result<int> ConfigReader::size(std::string_view key, int fallback, std::int64_t most) const {
  const json* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_number_integer() || value->get<std::int64_t>() < 1 ||
      value->get<std::int64_t>() > most)
    return tl::unexpected(wrong(key, fmt::format("a whole number from 1 to {}", most), *value));
  return value->get<int>();
}

Result<double> ConfigReader::number(std::string_view key, double fallback) const {
  const json* value = find(key);
  if (value == nullptr && fallback >= 0) return fallback;
  if (value == nullptr)
    return fail(ErrorKind::data, "{}: expected key \"{}\", found none", place(), key);
  if (!is_positive(*value)) return tl::unexpected(wrong(key, kPositive, *value));
  return value->get<double>();
}

Result<float> ConfigReader::fraction(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr || !value->is_number() ||
      !(value->get<double>() >= 0.0 && value->get<double>() < 1.0))
    return tl::unexpected(fault(ErrorKind::data, key, "a number from 0 to 1"));
  return value->get<float>();
}

Result<std::vector<double>> ConfigReader::numbers(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return std::vector<double>{};
  if (!value->is_array() || !std::ranges::all_of(*value, is_positive))
    return tl::unexpected(
        wrong(key, "a list of positive numbers below 1e12", culprit(*value, is_positive)));
  return value->get<std::vector<double>>();
}

Result<std::string> ConfigReader::text(std::string_view key, std::string_view fallback) const {
  const json* value = find(key);
  if (value == nullptr) return std::string(fallback);
  if (!value->is_string()) return tl::unexpected(wrong(key, "a string", *value));
  return value->get<std::string>();
}

Result<std::vector<std::string>> ConfigReader::texts(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return std::vector<std::string>{};
  constexpr auto kIsText = [](const json& one) { return one.is_string(); };
  if (!value->is_array() || !std::ranges::all_of(*value, kIsText))
    return tl::unexpected(wrong(key, "a list of strings", culprit(*value, kIsText)));
  return value->get<std::vector<std::string>>();
}

Result<std::optional<ConfigReader>> ConfigReader::object(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) return tl::unexpected(wrong(key, "an object or null", *value));
  if (value->empty()) return std::nullopt;
  const std::string name = where_.empty() ? std::string(key) : fmt::format("{}.{}", where_, key);
  return ConfigReader(*value, file_, name);
}

Status ConfigReader::must_be(std::string_view key, bool value, bool fallback) const {
  TEPUI_TRY(const bool found, flag(key, fallback));
  if (found == value) return {};
  return tl::unexpected(fault(ErrorKind::unsupported, key, value ? "true" : "false"));
}

}  // namespace tepui

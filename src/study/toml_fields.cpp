// SPDX-License-Identifier: MIT
#include "study/toml_fields.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "base/utf8_text.h"

namespace tepui {

std::string toml_place(const std::string& file, const toml::source_region& source) {
  if (source.begin.line == 0) return file;  // of a table that was put together
  return fmt::format("{}:{}", file, source.begin.line);
}

std::string toml_spelling(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  if (const auto* number = node.as_floating_point()) {
    const std::string text = fmt::format("{}", number->get());
    return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
  }
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  if (const auto* list = node.as_array()) {
    std::vector<std::string> entries;
    for (const toml::node& one : *list) entries.push_back(toml_spelling(one));
    return list->empty() ? "an empty list" : fmt::format("[{}]", fmt::join(entries, ", "));
  }
  return node.is_table() ? "a table" : "a date or time";
}

std::string TomlFields::place(const std::string& key) const {
  const toml::node* const found = table_.get(key);
  return toml_place(file_, found == nullptr ? table_.source() : found->source());
}

namespace {

const toml::node* of_another_type(const toml::array& list) {
  const auto is_other = [](const toml::node& one) { return !one.is_string(); };
  const auto found = std::find_if(list.begin(), list.end(), is_other);
  return found == list.end() ? nullptr : &*found;
}

}  // namespace

tl::unexpected<Error> TomlFields::wrong(const std::string& key, std::string_view expected,
                                        const toml::node* entry) const {
  const toml::node* const found = entry != nullptr ? entry : table_.get(key);
  const std::string text = found == nullptr ? "nothing" : printable(toml_spelling(*found));
  const bool quote = found != nullptr && found->is_string();
  return fail(ErrorKind::usage, "{}: {} of {}: expected {}, found {}{}{}", place(key), key, name_,
              expected, quote ? "\"" : "", text, quote ? "\"" : "");
}

const toml::node* TomlFields::node(const std::string& key) {
  known_.insert(key);
  return table_.get(key);
}

Result<std::optional<std::string>> TomlFields::text(const std::string& key) {
  const toml::node* const found = node(key);
  if (found == nullptr) return std::nullopt;
  const auto* text = found->as_string();
  if (text == nullptr) return wrong(key, "a text in quotes");
  return text->get();
}

Result<std::string> TomlFields::needed_text(const std::string& key) {
  TEPUI_TRY(auto found, text(key));
  if (!found || found->empty()) return wrong(key, "a text in quotes");
  return *std::move(found);
}

Result<std::optional<std::int64_t>> TomlFields::integer(const std::string& key, std::int64_t least,
                                                        std::int64_t most) {
  const toml::node* const found = node(key);
  if (found == nullptr) return std::nullopt;
  // 1e4 is one too: toml++ gives what a number is without loss.
  const auto number = found->is_number() ? found->value<std::int64_t>() : std::nullopt;
  if (!number || *number < least || *number > most)
    return wrong(key, fmt::format("a whole number from {} to {}", least, most));
  return number;
}

Result<std::optional<double>> TomlFields::positive(const std::string& key) {
  const toml::node* const found = node(key);
  if (found == nullptr) return std::nullopt;
  const auto number = found->is_number() ? found->value<double>() : std::nullopt;
  if (!number || !(*number > 0) || !std::isfinite(*number)) return wrong(key, "a number above 0");
  return number;
}

Result<std::optional<double>> TomlFields::number(const std::string& key, double least,
                                                 double most) {
  const toml::node* const found = node(key);
  if (found == nullptr) return std::nullopt;
  const auto number = found->is_number() ? found->value<double>() : std::nullopt;
  if (!number || !(*number >= least && *number <= most))
    return wrong(key, fmt::format("a number from {} to {}", least, most));
  return number;
}

Result<std::optional<bool>> TomlFields::truth(const std::string& key) {
  const toml::node* const found = node(key);
  if (found == nullptr) return std::nullopt;
  const auto* truth = found->as_boolean();
  if (truth == nullptr) return wrong(key, "true or false");
  return truth->get();
}

Result<std::vector<std::string>> TomlFields::texts(const std::string& key) {
  const toml::node* const found = node(key);
  std::vector<std::string> out;
  if (found == nullptr) return out;
  if (const auto* text = found->as_string()) return std::vector<std::string>{text->get()};
  const auto* list = found->as_array();
  if (list == nullptr || list->empty()) return wrong(key, "a text or a list of texts");
  if (const toml::node* const other = of_another_type(*list); other != nullptr)
    return wrong(key, "a text or a list of texts", other);
  for (const toml::node& entry : *list) out.push_back(entry.as_string()->get());
  return out;
}

nlohmann::json toml_as_json(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    auto json = nlohmann::json::object();
    for (const auto& [key, value] : *table) json[std::string(key.str())] = toml_as_json(value);
    return json;
  }
  if (const auto* list = node.as_array()) {
    auto json = nlohmann::json::array();
    for (const toml::node& entry : *list) json.push_back(toml_as_json(entry));
    return json;
  }
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* truth = node.as_boolean()) return truth->get();
  if (const auto* whole = node.as_integer()) return whole->get();
  if (const auto* number = node.as_floating_point();
      number != nullptr && std::isfinite(number->get()))
    return number->get();
  return toml_spelling(node);
}

std::vector<std::string> TomlFields::others() {
  std::vector<std::pair<toml::source_position, std::string>> found;
  for (const auto& [key, value] : table_) {
    if (known_.insert(std::string(key.str())).second)
      found.emplace_back(key.source().begin, key.str());
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (auto& [place, name] : found) names.push_back(std::move(name));
  return names;
}

Status TomlFields::done() const {
  for (const auto& [key, value] : table_) {
    if (known_.contains(std::string(key.str()))) continue;
    return fail(ErrorKind::usage, "{}: expected one of {} in {}, found {}",
                toml_place(file_, key.source()), fmt::join(known_, ", "), name_,
                printable(std::string(key.str())));
  }
  return {};
}

}  // namespace tepui

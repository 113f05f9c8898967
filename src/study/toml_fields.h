// SPDX-License-Identifier: MIT
// The fields of one table of a TOML file, checked: a field of another type or range, and one that
// nobody asks for, are errors that name the file's line.
#pragma once

#include <toml++/toml.h>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tepui/result.h"

namespace tepui {

// "study.toml:12"
std::string toml_place(const std::string& file, const toml::source_region& source);

class TomlFields {
 public:
  // `name` is how the table is called in errors: "[[text]]".
  TomlFields(const toml::table& table, std::string name, const std::string& file)
      : table_(table), name_(std::move(name)), file_(file) {}

  std::string place() const { return toml_place(file_, table_.source()); }
  std::string place(const std::string& key) const;

  // Nothing where the field is not there.
  Result<std::optional<std::string>> text(const std::string& key);
  Result<std::optional<std::int64_t>> integer(const std::string& key, std::int64_t least,
                                              std::int64_t most);
  Result<std::optional<double>> positive(const std::string& key);
  Result<std::optional<double>> number(const std::string& key, double least, double most);
  Result<std::optional<bool>> truth(const std::string& key);
  // A text alone counts as a list of one.
  Result<std::vector<std::string>> texts(const std::string& key);
  Result<std::string> needed_text(const std::string& key);

  // Those that were not asked for, in order of the file, now asked for.
  std::vector<std::string> others();
  const toml::node* node(const std::string& key);
  Status done() const;

  // `entry`: of a list, what is not what was expected; else the field itself.
  tl::unexpected<Error> wrong(const std::string& key, std::string_view expected,
                              const toml::node* entry = nullptr) const;

 private:
  const toml::table& table_;
  std::string name_;
  const std::string& file_;
  std::set<std::string> known_;
};

// A value as it stands in the file, for errors and for placeholders.
std::string toml_spelling(const toml::node& node);

// What JSON has no word for (dates, infinity) as a text, as it is spelled.
nlohmann::json toml_as_json(const toml::node& node);

}  // namespace tepui

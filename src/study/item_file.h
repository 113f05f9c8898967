// SPDX-License-Identifier: MIT
// Results by item, one JSON object a line behind a line that says what they are of. Items are
// appended in order, so that a run that was interrupted goes on behind the last whole line.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "store/append_file.h"
#include "tepui/result.h"

namespace tepui {

class ItemFile {
 public:
  // Makes the file, or reads the items that it has; an error where they are of another run. The
  // identity is what results depend on.
  static Result<ItemFile> open(const std::filesystem::path& path, const nlohmann::json& identity);

  const std::vector<nlohmann::json>& items() const { return items_; }  // that were there
  Status add(const nlohmann::ordered_json& item);
  Status sync() { return file_.sync(); }

 private:
  AppendFile file_;
  std::vector<nlohmann::json> items_;
};

}  // namespace tepui

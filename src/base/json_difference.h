// SPDX-License-Identifier: MIT
// In what two JSON documents differ, field by field.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tepui {

struct JsonDifference {
  std::string field;   // "options.context", "auxiliary[0].weight"
  std::string stored;  // as JSON, long values cut; "nothing" where the field is not there
  std::string wanted;
};

// In the fields' alphabetical order; empty where they are equal, their numbers' types included.
// Lists are compared element by element where both have as many, all of them objects; else whole.
std::vector<JsonDifference> json_differences(const nlohmann::json& stored,
                                             const nlohmann::json& wanted);

// Each told by `told`, joined by `between`; of very many the first, and how many more.
template <class Told>
std::string listed_differences(const std::vector<JsonDifference>& differences,
                               const std::string& between, const Told& told) {
  constexpr std::size_t kMost = 8;
  std::string text;
  for (std::size_t i = 0; i < differences.size() && i < kMost; ++i)
    text += (i == 0 ? "" : between) + told(differences[i]);
  if (differences.size() > kMost)
    text += between + std::to_string(differences.size() - kMost) + " more";
  return text;
}

}  // namespace tepui

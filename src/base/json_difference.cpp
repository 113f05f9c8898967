// SPDX-License-Identifier: MIT
#include "base/json_difference.h"

#include <algorithm>
#include <set>

namespace tepui {
namespace {

using Json = nlohmann::json;

std::string spelled(const Json* value) {
  if (value == nullptr) return "nothing";
  return value->dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::string cut(std::string text) {
  constexpr std::size_t kLongest = 80;
  return text.size() > kLongest ? text.substr(0, kLongest - 3) + "..." : text;
}

const Json* member(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

bool is_list_of_objects(const Json& value) {
  return value.is_array() &&
         std::ranges::all_of(value, [](const Json& entry) { return entry.is_object(); });
}

void collect(const Json* stored, const Json* wanted, const std::string& field,
             std::vector<JsonDifference>& out) {
  const bool both = stored != nullptr && wanted != nullptr;
  if (both && stored->is_object() && wanted->is_object()) {
    std::set<std::string> names;
    for (const auto& entry : stored->items()) names.insert(entry.key());
    for (const auto& entry : wanted->items()) names.insert(entry.key());
    for (const std::string& name : names)
      collect(member(*stored, name), member(*wanted, name),
              field.empty() ? name : field + "." + name, out);
  } else if (both && is_list_of_objects(*stored) && is_list_of_objects(*wanted) &&
             stored->size() == wanted->size()) {
    for (std::size_t i = 0; i < stored->size(); ++i)
      collect(&(*stored)[i], &(*wanted)[i], field + "[" + std::to_string(i) + "]", out);
  } else if (spelled(stored) != spelled(wanted)) {
    out.push_back({field, cut(spelled(stored)), cut(spelled(wanted))});
  }
}

}  // namespace

std::vector<JsonDifference> json_differences(const Json& stored, const Json& wanted) {
  std::vector<JsonDifference> out;
  collect(&stored, &wanted, "", out);
  return out;
}

}  // namespace tepui

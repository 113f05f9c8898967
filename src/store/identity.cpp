// SPDX-License-Identifier: MIT
#include "store/identity.h"

#include <optional>
#include <set>
#include <string>

namespace tepui {

namespace {

using Json = nlohmann::json;

struct Difference {
  std::string field;
  const Json* stored;  // null: absent
  const Json* wanted;
};

const Json* member(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

std::optional<Difference> first_difference(const Json& stored, const Json& wanted,
                                           const std::string& field) {
  if (stored == wanted) return std::nullopt;
  if (!stored.is_object() || !wanted.is_object()) return Difference{field, &stored, &wanted};
  std::set<std::string> names;
  for (const auto& entry : stored.items()) names.insert(entry.key());
  for (const auto& entry : wanted.items()) names.insert(entry.key());
  for (const auto& name : names) {
    const std::string inner = field.empty() ? name : field + "." + name;
    const Json* left = member(stored, name);
    const Json* right = member(wanted, name);
    if (left == nullptr || right == nullptr) return Difference{inner, left, right};
    if (auto difference = first_difference(*left, *right, inner)) return difference;
  }
  return std::nullopt;
}

std::string shown(const Json* value) {
  constexpr std::size_t kLongest = 80;
  if (value == nullptr) return "nothing";
  std::string text = value->dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > kLongest) text = text.substr(0, kLongest - 3) + "...";
  return text;
}

}  // namespace

Status same_identity(const Json& stored, const Json& wanted, const std::filesystem::path& file) {
  const auto difference = first_difference(stored, wanted, "");
  if (!difference) return {};
  return fail(ErrorKind::usage,
              "{}: this store was made with {} = {}, but this run has {}; choose another --out, or "
              "run with the same options to continue it",
              file.string(), difference->field, shown(difference->stored),
              shown(difference->wanted));
}

}  // namespace tepui

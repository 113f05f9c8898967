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

// The command that makes such stores; a scan's identity has no kind.
std::string kind_of(const Json& identity) {
  const Json* const kind = identity.is_object() ? member(identity, "kind") : nullptr;
  return "tepui " + (kind != nullptr && kind->is_string() ? kind->get<std::string>() : "scan");
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
  if (stored == wanted) return {};
  if (kind_of(stored) != kind_of(wanted))
    return fail(ErrorKind::usage,
                "{}: this store was made by {}, but this run is of {}; choose another --out",
                file.string(), kind_of(stored), kind_of(wanted));
  const auto difference = first_difference(stored, wanted, "");
  if (!difference) return {};
  if (difference->field == "text.ids")
    return fail(ErrorKind::usage,
                "{}: this store holds other sequences of this text: the text was another, or "
                "--context, --sequences, --bos or how it is cut was; choose another --out, or run "
                "with the same options to continue it",
                file.string());
  return fail(ErrorKind::usage,
              "{}: this store was made with {} = {}, but this run has {}; choose another --out, or "
              "run with the same options to continue it",
              file.string(), difference->field, shown(difference->stored),
              shown(difference->wanted));
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "store/identity.h"

#include <string>

#include "base/json_difference.h"

namespace tepui {

namespace {

using Json = nlohmann::json;

const Json* member(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

// The command that makes such stores; a scan's identity has no kind.
std::string kind_of(const Json& identity) {
  const Json* const kind = identity.is_object() ? member(identity, "kind") : nullptr;
  return "tepui " + (kind != nullptr && kind->is_string() ? kind->get<std::string>() : "scan");
}

}  // namespace

Status same_identity(const Json& stored, const Json& wanted, const std::filesystem::path& file) {
  if (stored == wanted) return {};
  if (kind_of(stored) != kind_of(wanted))
    return fail(ErrorKind::usage,
                "{}: this store was made by {}, but this run is of {}; choose another --out",
                file.string(), kind_of(stored), kind_of(wanted));
  const std::vector<JsonDifference> differences = json_differences(stored, wanted);
  if (differences.empty()) return {};
  if (differences.size() == 1 && differences.front().field == "text.ids")
    return fail(ErrorKind::usage,
                "{}: this store holds other sequences of this text: the text was another, or "
                "--context, --sequences, --bos or how it is cut was; choose another --out, or run "
                "with the same options to continue it",
                file.string());
  const std::string text =
      listed_differences(differences, ", with ", [](const JsonDifference& difference) {
        return fmt::format("{} = {}, but this run has {}", difference.field, difference.stored,
                           difference.wanted);
      });
  return fail(ErrorKind::usage,
              "{}: this store was made with {}; choose another --out, or run with the same options "
              "to continue it",
              file.string(), text);
}

}  // namespace tepui

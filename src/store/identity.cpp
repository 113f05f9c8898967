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

}  // namespace

std::string command_of_identity(const Json& identity) {
  const Json* const kind = identity.is_object() ? member(identity, "kind") : nullptr;
  if (kind == nullptr || !kind->is_string()) return "scan";
  return *kind == "watch" ? "train" : kind->get<std::string>();
}

Status same_identity(const Json& stored, const Json& wanted, const std::filesystem::path& file) {
  if (stored == wanted) return {};
  if (command_of_identity(stored) != command_of_identity(wanted))
    return fail(
        ErrorKind::usage,
        "{}: this store was made by tepui {}, but this run is of tepui {}; choose another --out",
        file.string(), command_of_identity(stored), command_of_identity(wanted));
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

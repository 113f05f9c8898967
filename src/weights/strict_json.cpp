// SPDX-License-Identifier: MIT
#include "weights/strict_json.h"

#include <set>
#include <utility>
#include <vector>

#include "weights/mapped_source.h"

namespace tepui {
namespace {

constexpr int kDeepest = 16;  // the files read here need four

// Watches a parse. The parser keeps the last of two equal names in silence, so names are noted
// here.
struct Watch {
  std::vector<std::set<std::string>> names;  // of the objects that are open, by depth
  std::string fault;

  bool operator()(int depth, nlohmann::json::parse_event_t event, const nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (event == Event::object_start) {
      names.resize(static_cast<std::size_t>(depth) + 1);
      names.back().clear();
    }
    if (event == Event::key) {
      const auto& name = parsed.get_ref<const std::string&>();
      const bool fresh = names[static_cast<std::size_t>(depth) - 1].insert(name).second;
      if (!fresh && fault.empty())
        fault = fmt::format("expected each name once, found \"{}\" twice", printable(name));
    }
    if (depth > kDeepest && fault.empty())
      fault = fmt::format("expected at most {} levels, found more", kDeepest);
    return fault.empty();  // what follows a fault is not kept
  }
};

}  // namespace

Result<nlohmann::json> parse_strict_json(std::string_view text, const std::string& place,
                                         std::uint64_t first_offset) {
  Watch watch;
  nlohmann::json value;
  try {
    value = nlohmann::json::parse(
        text.begin(), text.end(),
        [&watch](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
          return watch(depth, event, parsed);
        });
  } catch (const nlohmann::json::parse_error& error) {
    const std::uint64_t byte = error.byte > 0 ? error.byte - 1 : 0;
    return fail(ErrorKind::data, "{}: expected JSON, found a syntax error at byte offset {}", place,
                first_offset + byte);
  } catch (const nlohmann::json::exception&) {
    return fail(ErrorKind::data, "{}: expected JSON, found a number out of range", place);
  }
  if (!watch.fault.empty()) return fail(ErrorKind::data, "{}: {}", place, watch.fault);
  return value;
}

}  // namespace tepui

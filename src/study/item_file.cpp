// SPDX-License-Identifier: MIT
#include "study/item_file.h"

#include <algorithm>
#include <system_error>

#include "base/mapped_file.h"
#include "input/json_file.h"

namespace tepui {

namespace {

using nlohmann::json;

std::string line_of(const auto& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace

Result<ItemFile> ItemFile::open(const std::filesystem::path& path, const json& identity) {
  const std::string header = line_of(json{{"tepui_choices", identity}});
  std::string text;
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    TEPUI_TRY(text, read_file(path));
  }
  ItemFile out;
  std::uint64_t keep = 0;
  std::string_view rest = text;
  for (int line = 1; !rest.empty(); ++line) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) break;  // was being written
    const std::string where = fmt::format("{}: line {}", path.string(), line);
    if (line == 1) {
      if (rest.substr(0, end + 1) != header)
        return fail(ErrorKind::usage,
                    "{}: expected results of this model, these tasks, branches and backend, or a "
                    "new file, found those of another run",
                    path.string());
    } else {
      TEPUI_TRY(json item, input::parse_json(rest.substr(0, end), where));
      out.items_.push_back(std::move(item));
    }
    rest.remove_prefix(end + 1);
    keep = text.size() - rest.size();
  }
  if (keep == 0 && !text.empty() && !header.starts_with(text))
    return fail(ErrorKind::data, "{}: expected a new file or results by item, found another file",
                path.string());
  TEPUI_TRY(out.file_, AppendFile::open(path, keep));
  if (keep == 0) {
    TEPUI_TRY(out.file_.write(std::string_view(header)));
    TEPUI_TRY(out.file_.sync());
  }
  return out;
}

Status ItemFile::add(const nlohmann::ordered_json& item) {
  return file_.write(std::string_view(line_of(item)));
}

}  // namespace tepui

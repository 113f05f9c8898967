// SPDX-License-Identifier: MIT
#include "study/task_file.h"

#include <algorithm>

#include "base/mapped_file.h"
#include "input/json_file.h"

namespace tepui {

namespace {

Result<std::vector<std::string>> strings(const input::Json& value, std::string_view field,
                                         const std::string& where) {
  std::vector<std::string> out;
  for (const input::Json& entry : value) {
    if (!entry.is_string())
      return fail(ErrorKind::data, "{}: field \"{}\": expected strings, found {}", where, field,
                  entry.type_name());
    out.push_back(entry.get<std::string>());
  }
  return out;
}

Result<TaskItem> item_of(const input::Json& object, const std::string& where) {
  if (!object.is_object())
    return fail(ErrorKind::data, "{}: expected an object, found {}", where, object.type_name());
  TaskItem item;
  const input::Json* const choices = input::member(object, "choices");
  if (choices == nullptr || !choices->is_array() || choices->size() < 2)
    return fail(ErrorKind::data, "{}: field \"choices\": expected a list of at least two strings",
                where);
  TEPUI_TRY(item.choices, strings(*choices, "choices", where));
  const input::Json* const context = input::member(object, "context");
  const bool is_list = context != nullptr && context->is_array();
  if (context == nullptr || (!context->is_string() && !is_list))
    return fail(ErrorKind::data, "{}: field \"context\": expected a string, or one for each choice",
                where);
  TEPUI_TRY(item.contexts,
            strings(is_list ? *context : input::Json::array({*context}), "context", where));
  if (is_list && item.contexts.size() != item.choices.size())
    return fail(ErrorKind::data,
                "{}: field \"context\": expected as many strings as choices, {}, found {}", where,
                item.choices.size(), item.contexts.size());
  const input::Json* const answer = input::member(object, "answer");
  const auto most = static_cast<std::int64_t>(item.choices.size()) - 1;
  if (answer == nullptr || !answer->is_number_integer() || answer->get<std::int64_t>() < 0 ||
      answer->get<std::int64_t>() > most)
    return fail(ErrorKind::data, "{}: field \"answer\": expected a number from 0 to {}, found {}",
                where, most, answer == nullptr ? "none" : answer->dump());
  item.answer = answer->get<int>();
  return item;
}

std::string_view without_blanks_behind(std::string_view text) {
  const std::size_t last = text.find_last_not_of(" \t\n\r");
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

}  // namespace

Result<TaskFile> read_task_file(const std::filesystem::path& path, int limit) {
  TEPUI_TRY(const std::string text, read_file(path));
  TaskFile file;
  file.name = path.stem().string();
  file.path = path;
  std::string_view rest = text;
  for (int line = 1; !rest.empty(); ++line) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view own = without_blanks_behind(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (own.empty()) continue;
    const std::string where = fmt::format("{}: line {}", path.string(), line);
    TEPUI_TRY(const input::Json object, input::parse_json(own, where));
    TEPUI_TRY(TaskItem item, item_of(object, where));
    item.line = line;
    file.items.push_back(std::move(item));
    if (limit > 0 && static_cast<int>(file.items.size()) == limit) break;
  }
  if (file.items.empty())
    return fail(ErrorKind::data, "{}: expected one JSON object a line, found none", path.string());
  return file;
}

Result<ChoiceTokens> tokens_of_choice(const Tokenizer& tokenizer, const std::string& context,
                                      const std::string& choice, const std::vector<TokenId>& bos) {
  TEPUI_TRY(const std::vector<TokenId> both, tokenizer.encode(context + choice));
  TEPUI_TRY(const std::vector<TokenId> alone, tokenizer.encode(without_blanks_behind(context)));
  ChoiceTokens out;
  out.ids = bos;
  out.ids.insert(out.ids.end(), both.begin(), both.end());
  out.first = static_cast<int>(bos.size() + alone.size());
  if (out.first == 0)
    return fail(ErrorKind::data,
                "expected a token before the choice, found none (--bos yes puts one there)");
  if (static_cast<std::size_t>(out.first) >= out.ids.size())
    return fail(ErrorKind::data,
                "choice \"{}\": expected at least one token of its own, found none", choice);
  return out;
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "input/json_file.h"

#include <algorithm>

#include "base/mapped_file.h"

namespace tepui::input {
namespace {

constexpr int kDeepestJson = 64;  // published tokenizer files reach 8
constexpr std::int64_t kLargestId = (1 << 24) - 1;

int nesting(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return deepest;
}

// nlohmann tells where a parse failed only by an exception or to a listener; this one hears all
// and keeps the place.
struct ErrorPlace {
  bool null() { return true; }
  bool boolean(bool) { return true; }
  bool number_integer(Json::number_integer_t) { return true; }
  bool number_unsigned(Json::number_unsigned_t) { return true; }
  bool number_float(Json::number_float_t, const std::string&) { return true; }
  bool string(std::string&) { return true; }
  bool binary(Json::binary_t&) { return true; }
  bool start_object(std::size_t) { return true; }
  bool key(std::string&) { return true; }
  bool end_object() { return true; }
  bool start_array(std::size_t) { return true; }
  bool end_array() { return true; }
  template <class Exception>
  bool parse_error(std::size_t position, const std::string&, const Exception&) {
    offset = position > 0 ? position - 1 : 0;  // it counts the byte that it could not take
    return false;
  }
  std::size_t offset = 0;
};

}  // namespace

Result<Json> parse_json(std::string_view text, const std::string& file) {
  if (const int depth = nesting(text); depth > kDeepestJson)
    return fail(ErrorKind::data, "{}: expected JSON nested at most {} deep, found {}", file,
                kDeepestJson, depth);
  Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!json.is_discarded()) return json;
  ErrorPlace place;
  Json::sax_parse(text.begin(), text.end(), &place);
  return fail(ErrorKind::data, "{}: not valid JSON at byte {} of {}", file, place.offset,
              text.size());
}

Result<Json> read_json(const std::filesystem::path& path) {
  TEPUI_TRY(const std::string text, read_file(path));
  return parse_json(text, path.string());
}

const Json* member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<bool> bool_field(const Json& object, const char* key, bool otherwise,
                        const std::string& where) {
  const Json* value = member(object, key);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean())
    return fail(ErrorKind::data, "{}: expected '{}' to be true or false, found a {}", where, key,
                value->type_name());
  return value->get<bool>();
}

Result<std::string> string_field(const Json& object, const char* key, const std::string& where) {
  const Json* value = member(object, key);
  if (value == nullptr || !value->is_string())
    return fail(ErrorKind::data, "{}: expected '{}' to be a string, found {}", where, key,
                value == nullptr ? "nothing" : value->type_name());
  return value->get<std::string>();
}

Result<std::int32_t> id_value(const Json& value, const std::string& where) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() <= kLargestId)
    return value.get<std::int32_t>();
  return fail(ErrorKind::data, "{}: expected a token id from 0 to {}, found {}", where, kLargestId,
              value.is_number() ? value.dump() : value.type_name());
}

}  // namespace tepui::input

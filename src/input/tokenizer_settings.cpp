// SPDX-License-Identifier: MIT
#include "input/tokenizer_settings.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "input/json_file.h"
#include "input/utf8.h"

namespace tepui::input {
namespace {

namespace fs = std::filesystem;

// A token is written as a string, or as an object with its flags.
Status read_name(const Json& object, const char* key, const std::string& where, TokenName& name) {
  if (!object.is_object() || !object.contains(key) || name.mentioned) return {};
  name.mentioned = true;
  const Json* value = member(object, key);
  if (value == nullptr) return {};
  if (value->is_string()) {
    name.content = value->get<std::string>();
    return {};
  }
  TEPUI_TRY(name.content, string_field(*value, "content", where + ": " + key));
  return {};
}

Status read_names(const Json& object, const std::string& where, TokenizerSettings& settings) {
  TEPUI_TRY(read_name(object, "bos_token", where, settings.bos));
  TEPUI_TRY(read_name(object, "eos_token", where, settings.eos));
  TEPUI_TRY(read_name(object, "unk_token", where, settings.unk));
  return {};
}

Status read_decoder(const Json& decoder, const std::string& where, TokenizerSettings& settings) {
  if (!decoder.is_object())
    return fail(ErrorKind::data, "{}: expected 'added_tokens_decoder' to be an object", where);
  for (const auto& [key, value] : decoder.items()) {
    AddedToken token;
    const auto end = key.data() + key.size();
    const auto parsed = std::from_chars(key.data(), end, token.id);
    if (parsed.ec != std::errc() || parsed.ptr != end || token.id < 0)
      return fail(ErrorKind::data, "{}: expected a token id in added_tokens_decoder, found '{}'",
                  where, quotable(key));
    TEPUI_TRY(token.content, string_field(value, "content", where));
    TEPUI_TRY(token.single_word, bool_field(value, "single_word", false, where));
    TEPUI_TRY(token.lstrip, bool_field(value, "lstrip", false, where));
    TEPUI_TRY(token.rstrip, bool_field(value, "rstrip", false, where));
    TEPUI_TRY(token.special, bool_field(value, "special", false, where));
    settings.added_tokens.push_back(std::move(token));
  }
  return {};
}

Status read_tokenizer_config(const fs::path& path, TokenizerSettings& settings) {
  TEPUI_TRY(const Json json, read_json(path));
  const std::string where = path.string();
  settings.source = where;
  if (!json.is_object()) return fail(ErrorKind::data, "{}: expected a JSON object", where);
  const auto flag = [&](const char* key, std::optional<bool>& into) -> Status {
    if (member(json, key) == nullptr) return {};
    TEPUI_TRY(into, bool_field(json, key, false, where));
    return {};
  };
  TEPUI_TRY(flag("add_bos_token", settings.add_bos_token));
  TEPUI_TRY(flag("add_prefix_space", settings.add_prefix_space));
  if (member(json, "tokenizer_class") != nullptr) {
    TEPUI_TRY(std::string name, string_field(json, "tokenizer_class", where));
    if (name.ends_with("Fast")) name.resize(name.size() - 4);
    settings.tokenizer_class = name;
  }
  if (const Json* decoder = member(json, "added_tokens_decoder"))
    TEPUI_TRY(read_decoder(*decoder, where, settings));
  return read_names(json, where, settings);
}

Status read_added_tokens(const fs::path& path, TokenizerSettings& settings) {
  TEPUI_TRY(const Json json, read_json(path));
  if (!json.is_object())
    return fail(ErrorKind::data, "{}: expected an object of tokens and ids", path.string());
  for (const auto& [content, id] : json.items()) {
    AddedToken token;
    token.content = content;
    TEPUI_TRY(token.id, id_value(id, path.string()));
    const auto known = [&](const AddedToken& other) { return other.content == token.content; };
    if (std::none_of(settings.added_tokens.begin(), settings.added_tokens.end(), known))
      settings.added_tokens.push_back(std::move(token));
  }
  return {};
}

Status read_config(const fs::path& path, TokenizerSettings& settings) {
  TEPUI_TRY(const Json json, read_json(path));
  const auto read_id = [&](const char* key, std::optional<TokenId>& into) -> Status {
    const Json* value = member(json, key);
    if (value != nullptr && value->is_array())  // several ends of a text: the first one
      value = value->empty() ? nullptr : &value->front();
    if (value == nullptr || (value->is_number_integer() && value->get<std::int64_t>() < 0))
      return {};
    TEPUI_TRY(into, id_value(*value, path.string() + ": " + key));
    return {};
  };
  TEPUI_TRY(read_id("bos_token_id", settings.config_bos));
  TEPUI_TRY(read_id("eos_token_id", settings.config_eos));
  if (const Json* type = member(json, "model_type"); type != nullptr && type->is_string())
    settings.model_type = type->get<std::string>();
  return {};
}

bool class_adds_bos(const std::string& name) {
  constexpr std::array<std::string_view, 4> kAlways = {"LlamaTokenizer", "CodeLlamaTokenizer",
                                                       "GemmaTokenizer", "CohereTokenizer"};
  return std::find(kAlways.begin(), kAlways.end(), name) != kAlways.end();
}

// The first that names a token of the vocabulary: the folder, the container, config.json.
std::optional<TokenId> resolve(const TokenName& name, const PieceIds& vocabulary,
                               std::optional<TokenId> container, std::optional<TokenId> config) {
  if (name.content) {
    const auto found = vocabulary.find(*name.content);
    if (found != vocabulary.end()) return found->second;
  }
  if (container) return container;
  return name.mentioned ? std::nullopt : config;
}

}  // namespace

Result<TokenizerSettings> read_tokenizer_settings(const fs::path& folder) {
  TokenizerSettings settings;
  settings.source = "the tokenizer's settings";
  if (folder.empty()) return settings;
  std::error_code none;
  const auto exists = [&](const char* name) { return fs::is_regular_file(folder / name, none); };
  if (exists("tokenizer_config.json"))
    TEPUI_TRY(read_tokenizer_config(folder / "tokenizer_config.json", settings));
  if (exists("special_tokens_map.json")) {
    const fs::path path = folder / "special_tokens_map.json";
    TEPUI_TRY(const Json json, read_json(path));
    TEPUI_TRY(read_names(json, path.string(), settings));
  }
  if (exists("added_tokens.json"))
    TEPUI_TRY(read_added_tokens(folder / "added_tokens.json", settings));
  if (exists("config.json")) TEPUI_TRY(read_config(folder / "config.json", settings));
  return settings;
}

Result<SpecialIds> resolve_specials(const TokenizerSettings& settings, const PieceIds& vocabulary,
                                    const ContainerRule& rule) {
  SpecialIds ids;
  ids.bos = resolve(settings.bos, vocabulary, rule.bos, settings.config_bos);
  ids.eos = resolve(settings.eos, vocabulary, rule.eos, settings.config_eos);
  if (settings.add_bos_token) {
    ids.adds_bos = *settings.add_bos_token;
    if (ids.adds_bos && !ids.bos)
      return fail(ErrorKind::data,
                  "{}: add_bos_token is true, but no bos_token names a token of the vocabulary",
                  settings.source);
    return ids;
  }
  ids.adds_bos = ids.bos && (class_adds_bos(settings.tokenizer_class) ||
                             rule.adds_bos.value_or(settings.model_type == "opt"));
  return ids;
}

}  // namespace tepui::input

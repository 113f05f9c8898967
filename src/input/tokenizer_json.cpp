// SPDX-License-Identifier: MIT
#include "input/tokenizer_json.h"

#include <algorithm>
#include <utility>

#include "base/mapped_file.h"
#include "input/json_file.h"
#include "input/pipeline_tokenizer.h"
#include "input/post_processor.h"
#include "input/utf8.h"

namespace tepui::input {
namespace {

using MergeList = std::vector<std::pair<std::string, std::string>>;

Result<PieceIds> read_vocabulary(const Json* object, const std::string& where) {
  if (object == nullptr || !object->is_object())
    return fail(ErrorKind::data, "{}: expected the vocabulary to be an object of pieces and ids",
                where);
  PieceIds vocabulary;
  vocabulary.reserve(object->size());
  for (const auto& [piece, id] : object->items()) {
    TEPUI_TRY(const TokenId value, id_value(id, where));
    vocabulary.emplace(piece, value);
  }
  return vocabulary;
}

// "left right": exactly one space.
bool split_merge(std::string_view line, MergeList& merges) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos)
    return false;
  merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  return !merges.back().first.empty() && !merges.back().second.empty();
}

Result<MergeList> read_merges(const Json* list, const std::string& where) {
  if (list == nullptr || !list->is_array())
    return fail(ErrorKind::data, "{}: expected 'merges' to be a list", where);
  MergeList merges;
  merges.reserve(list->size());
  for (const Json& entry : *list) {
    bool good = false;
    if (entry.is_string()) {
      good = split_merge(entry.get_ref<const std::string&>(), merges);
    } else if (entry.is_array() && entry.size() == 2 && entry[0].is_string() &&
               entry[1].is_string()) {
      merges.emplace_back(entry[0].get<std::string>(), entry[1].get<std::string>());
      good = true;
    }
    if (!good)
      return fail(ErrorKind::data, "{}: merge {}: expected \"a b\" or [\"a\", \"b\"], found {}",
                  where, merges.size(),
                  quotable(entry.dump(-1, ' ', false, Json::error_handler_t::replace)));
  }
  return merges;
}

// What would change the result and cannot be run.
Status refuse_unsupported(const Json& model, const std::string& where) {
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const Json* value = member(model, key);
    if (value != nullptr && *value != "")
      return fail(ErrorKind::unsupported, "{}: '{}' is not supported", where, key);
  }
  const Json* dropout = member(model, "dropout");
  if (dropout != nullptr && *dropout != 0.0)
    return fail(ErrorKind::unsupported, "{}: 'dropout' is not supported", where);
  return {};
}

Result<Bpe> read_model(const Json* model, const std::string& file) {
  const std::string where = file + ": model";
  if (model == nullptr) return fail(ErrorKind::data, "{}: expected an object", where);
  // Files of old versions have no type; theirs is told by what the model holds.
  std::string type = member(*model, "merges") != nullptr ? "BPE" : "unknown";
  if (member(*model, "type") != nullptr) {
    TEPUI_TRY(type, string_field(*model, "type", where));
  }
  if (type != "BPE")
    return fail(ErrorKind::unsupported, "{} type '{}' is not supported (expected BPE)", where,
                quotable(type));
  TEPUI_TRY(refuse_unsupported(*model, where));
  BpeDescription bpe;
  TEPUI_TRY(bpe.vocabulary, read_vocabulary(member(*model, "vocab"), where));
  TEPUI_TRY(bpe.merges, read_merges(member(*model, "merges"), where));
  if (member(*model, "unk_token") != nullptr) {
    TEPUI_TRY(bpe.unk_token, string_field(*model, "unk_token", where));
  }
  TEPUI_TRY(bpe.byte_fallback, bool_field(*model, "byte_fallback", false, where));
  TEPUI_TRY(bpe.fuse_unk, bool_field(*model, "fuse_unk", false, where));
  TEPUI_TRY(bpe.ignore_merges, bool_field(*model, "ignore_merges", false, where));
  return Bpe::create(std::move(bpe), where);
}

Result<std::vector<AddedToken>> read_added(const Json* list, const std::string& file) {
  const std::string where = file + ": added_tokens";
  std::vector<AddedToken> tokens;
  if (list == nullptr) return tokens;
  if (!list->is_array()) return fail(ErrorKind::data, "{}: expected a list", where);
  for (const Json& entry : *list) {
    AddedToken token;
    const Json* id = member(entry, "id");
    if (id == nullptr)
      return fail(ErrorKind::data, "{}: expected every entry to have an id", where);
    TEPUI_TRY(token.id, id_value(*id, where));
    TEPUI_TRY(token.content, string_field(entry, "content", where));
    TEPUI_TRY(token.single_word, bool_field(entry, "single_word", false, where));
    TEPUI_TRY(token.lstrip, bool_field(entry, "lstrip", false, where));
    TEPUI_TRY(token.rstrip, bool_field(entry, "rstrip", false, where));
    TEPUI_TRY(token.special, bool_field(entry, "special", false, where));
    TEPUI_TRY(token.normalized, bool_field(entry, "normalized", !token.special, where));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

std::string dump(const Json& json, const char* key) {
  const Json* value = member(json, key);
  if (value == nullptr) return "null";
  return value->dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<MergeList> read_merges_file(const std::filesystem::path& path) {
  TEPUI_TRY(const std::string text, read_file(path));
  if (const auto at = first_invalid_utf8(text))
    return fail(ErrorKind::data, "{}: not valid UTF-8 at byte {}", path.string(), *at);
  MergeList merges;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with("#version")) continue;
    if (!split_merge(line, merges))
      return fail(ErrorKind::data, "{}: line {}: expected two pieces and one space, found '{}'",
                  path.string(), number, quotable(line));
  }
  return merges;
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> parse_tokenizer_json(std::string_view text,
                                                        const std::string& where,
                                                        const TokenizerSettings& settings) {
  TEPUI_TRY(const Json json, parse_json(text, where));
  if (!json.is_object()) return fail(ErrorKind::data, "{}: expected a JSON object", where);
  TEPUI_TRY(Bpe bpe, read_model(member(json, "model"), where));
  TEPUI_TRY(Normalizer normalizer, Normalizer::create(member(json, "normalizer"), where));
  TEPUI_TRY(PreTokenizer pre, PreTokenizer::create(member(json, "pre_tokenizer"), where));
  TEPUI_TRY(std::vector<AddedToken> added, read_added(member(json, "added_tokens"), where));
  TEPUI_TRY(const ContainerRule rule, read_post_processor(member(json, "post_processor"), where));
  return make_pipeline_tokenizer(
      Pipeline{std::move(normalizer), std::move(pre), std::move(bpe), std::move(added), rule,
               dump(json, "normalizer") + dump(json, "pre_tokenizer")},
      settings, where);
}

Result<std::unique_ptr<Tokenizer>> load_tokenizer_json(const std::filesystem::path& path,
                                                       const TokenizerSettings& settings) {
  TEPUI_TRY(const std::string text, read_file(path));
  return parse_tokenizer_json(text, path.string(), settings);
}

Result<std::unique_ptr<Tokenizer>> load_vocab_and_merges(const std::filesystem::path& folder,
                                                         const TokenizerSettings& settings) {
  const std::string where = (folder / "vocab.json").string();
  TEPUI_TRY(const Json json, read_json(folder / "vocab.json"));
  BpeDescription description;
  TEPUI_TRY(description.vocabulary, read_vocabulary(&json, where));
  TEPUI_TRY(description.merges, read_merges_file(folder / "merges.txt"));
  TEPUI_TRY(Bpe bpe, Bpe::create(std::move(description), (folder / "merges.txt").string()));
  const bool prefix_space = settings.add_prefix_space.value_or(false);
  TEPUI_TRY(PreTokenizer pre, PreTokenizer::gpt2(prefix_space));

  // GPT-2's class has <|endoftext|> for every role that the folder gives to no other token.
  TokenizerSettings named = settings;
  for (TokenName* name : {&named.bos, &named.eos, &named.unk})
    if (!name->mentioned && bpe.vocabulary().contains("<|endoftext|>"))
      *name = {true, "<|endoftext|>"};
  std::vector<AddedToken> added = settings.added_tokens;
  for (const TokenName& name : {named.bos, named.eos, named.unk}) {
    const auto found = name.content ? bpe.vocabulary().find(*name.content) : bpe.vocabulary().end();
    if (found == bpe.vocabulary().end()) continue;
    const auto same = [&](const AddedToken& token) { return token.content == found->first; };
    if (std::none_of(added.begin(), added.end(), same))
      added.push_back({found->second, found->first, false, false, false, false, true});
  }
  return make_pipeline_tokenizer(
      Pipeline{Normalizer(), std::move(pre), std::move(bpe), std::move(added), ContainerRule{},
               prefix_space ? "gpt2, prefix space" : "gpt2"},
      named, where);
}

}  // namespace tepui::input

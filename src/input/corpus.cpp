// SPDX-License-Identifier: MIT
#include "input/corpus.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/mapped_file.h"
#include "input/json_file.h"

namespace tepui {

namespace {

using nlohmann::json;

Result<std::optional<TokenId>> bos_for(const CorpusRequest& request, const Tokenizer& tokenizer) {
  const bool wanted =
      request.bos == BosRule::yes || (request.bos == BosRule::automatic && tokenizer.adds_bos());
  if (!wanted) return std::optional<TokenId>();
  const std::optional<TokenId> bos = tokenizer.bos() ? tokenizer.bos() : tokenizer.eos();
  if (!bos)
    return fail(
        ErrorKind::usage,
        "--bos {}: expected a tokenizer with a BOS or an EOS token, found neither; --bos no "
        "goes without",
        request.bos == BosRule::yes ? "yes" : "auto");
  return bos;
}

CorpusSequence piece_of(const std::vector<TokenId>& ids, std::size_t first, std::size_t count,
                        std::optional<TokenId> bos, const std::string& source) {
  CorpusSequence piece;
  piece.source = source;
  piece.first_token = static_cast<std::int64_t>(first);
  piece.has_bos = bos.has_value();
  if (bos) piece.ids.push_back(*bos);
  const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(first);
  piece.ids.insert(piece.ids.end(), begin, begin + static_cast<std::ptrdiff_t>(count));
  return piece;
}

Status add_text(const std::filesystem::path& path, const CorpusRequest& request,
                const Tokenizer& tokenizer, std::vector<CorpusSequence>& out) {
  const std::string name = path.lexically_normal().string();
  TEPUI_TRY(const std::string text, read_file(path));
  if (text.empty())
    return fail(ErrorKind::data, "{}: expected a text, found an empty file", path.string());
  auto encoded = tokenizer.encode(text);
  if (!encoded) return fail(encoded.error().kind, "{}: {}", path.string(), encoded.error().message);
  const std::vector<TokenId>& ids = *encoded;
  if (ids.empty())
    return fail(ErrorKind::data, "{}: expected a text, found one that gives no token",
                path.string());
  TEPUI_TRY(const std::optional<TokenId> bos, bos_for(request, tokenizer));
  const int room = request.context - (bos ? 1 : 0);
  if (room < 1)
    return fail(ErrorKind::usage,
                "--context {}: expected at least 2, for BOS and a token of the text",
                request.context);
  const auto step = static_cast<std::size_t>(room);
  if (ids.size() < step) {
    out.push_back(piece_of(ids, 0, ids.size(), bos, name));
    return {};
  }
  for (std::size_t first = 0; first + step <= ids.size(); first += step)
    out.push_back(piece_of(ids, first, step, bos, name));
  return {};
}

// A value as a message may quote it: one line, ASCII, short.
std::string shown(const json& value) {
  if (value.is_structured()) return value.is_array() ? "a list" : "an object";
  return value.dump(-1, ' ', true, json::error_handler_t::replace).substr(0, 40);
}

Result<std::vector<TokenId>> id_list(const json& list, const std::string& file,
                                     std::size_t number) {
  if (!list.is_array())
    return fail(ErrorKind::data, "{}: list {}: expected a list of token ids, found {}", file,
                number, shown(list));
  std::vector<TokenId> ids;
  for (const json& id : list) {
    if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() > INT32_MAX)
      return fail(ErrorKind::data, "{}: list {}, position {}: expected a token id, found {}", file,
                  number, ids.size(), shown(id));
    ids.push_back(id.get<TokenId>());
  }
  return ids;
}

Status add_ids(const std::filesystem::path& path, std::vector<CorpusSequence>& out) {
  TEPUI_TRY(const json lists, input::read_json(path));
  if (!lists.is_array() || lists.empty())
    return fail(ErrorKind::data,
                "{}: expected a JSON list of lists of token ids, such as [[1, 15, 7]], found {}",
                path.string(), lists.is_array() ? "an empty list" : shown(lists));
  for (std::size_t i = 0; i < lists.size(); ++i) {
    CorpusSequence sequence;
    sequence.source = fmt::format("{}#{}", path.lexically_normal().string(), i);
    TEPUI_TRY(sequence.ids, id_list(lists[i], path.string(), i));
    out.push_back(std::move(sequence));
  }
  return {};
}

}  // namespace

std::int64_t Corpus::tokens() const {
  std::int64_t count = 0;
  for (const CorpusSequence& sequence : sequences)
    count += static_cast<std::int64_t>(sequence.ids.size());
  return count;
}

Result<Corpus> load_corpus(const CorpusRequest& request, const Tokenizer* tokenizer) {
  Corpus corpus;
  if (request.ids) {
    TEPUI_TRY(add_ids(*request.ids, corpus.sequences));
  } else if (tokenizer == nullptr) {
    return fail(ErrorKind::data, "a text needs a tokenizer: name one with --tokenizer");
  } else if (request.prompt) {
    auto encoded = tokenizer->encode(*request.prompt);
    if (!encoded) return fail(ErrorKind::data, "--prompt: {}", encoded.error().message);
    TEPUI_TRY(const std::optional<TokenId> bos, bos_for(request, *tokenizer));
    if (encoded->empty())
      return fail(ErrorKind::data, "--prompt: expected a text, found one that gives no token");
    corpus.sequences.push_back(piece_of(*encoded, 0, encoded->size(), bos, "prompt"));
  } else {
    for (const auto& path : request.texts)
      TEPUI_TRY(add_text(path, request, *tokenizer, corpus.sequences));
  }
  if (request.sequences > 0 &&
      corpus.sequences.size() > static_cast<std::size_t>(request.sequences))
    corpus.sequences.resize(static_cast<std::size_t>(request.sequences));
  std::string all;
  for (const CorpusSequence& s : corpus.sequences)
    all += fmt::format("{}\n{}\n{}\n", s.source, s.has_bos, fmt::join(s.ids, " "));
  corpus.fingerprint = hash_hex(all);
  return corpus;
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "input/corpus.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/mapped_file.h"
#include "input/json_file.h"

namespace tepui {

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

namespace {

using nlohmann::json;

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

// A text that is cut into sequences, from one file or from several.
struct Text {
  std::string name;
  std::string content;
};

// Cuts a file into its documents: the file itself, or its lines, each with its newline; a blank one
// is an empty document, as data sets of lines have it.
std::vector<std::string_view> documents_of(std::string_view file, bool lines) {
  if (!lines) return {file};
  std::vector<std::string_view> out;
  while (!file.empty()) {
    const std::size_t end = std::min(file.find('\n'), file.size() - 1) + 1;
    const std::string_view line = file.substr(0, end);
    out.push_back(line.find_first_not_of(" \t\r\n") == std::string_view::npos ? std::string_view()
                                                                              : line);
    file.remove_prefix(end);
  }
  return out;
}

Result<std::vector<Text>> read_texts(const CorpusRequest& request) {
  std::vector<Text> texts;
  for (const auto& path : request.texts) {
    const std::string name = path.lexically_normal().string();
    TEPUI_TRY(const std::string file, read_file(path));
    if (file.empty())
      return fail(ErrorKind::data, "{}: expected a text, found an empty file", path.string());
    const bool new_text = texts.empty() || !request.joiner;
    if (new_text) texts.push_back({name, ""});
    Text& text = texts.back();
    if (!new_text) text.name += "+" + name;
    bool first = new_text;
    for (const std::string_view document : documents_of(file, request.line_documents)) {
      if (!first && request.joiner) text.content += *request.joiner;
      text.content += document;
      first = false;
    }
  }
  return texts;
}

Result<std::vector<TokenId>> tokens_of(const Text& text, const CorpusRequest& request,
                                       const Tokenizer& tokenizer) {
  auto encoded = tokenizer.encode(text.content);
  if (!encoded) return fail(encoded.error().kind, "{}: {}", text.name, encoded.error().message);
  if (encoded->empty())
    return fail(ErrorKind::data, "{}: expected a text, found one that gives no token", text.name);
  if (request.special_tokens && tokenizer.adds_bos() && tokenizer.bos())
    encoded->insert(encoded->begin(), *tokenizer.bos());
  return encoded;
}

Status add_text(const Text& text, const CorpusRequest& request, const Tokenizer& tokenizer,
                std::vector<CorpusSequence>& out) {
  TEPUI_TRY(const std::vector<TokenId> ids, tokens_of(text, request, tokenizer));
  TEPUI_TRY(const std::optional<TokenId> bos, bos_for(request, tokenizer));
  const int own = bos ? 1 : 0;
  const int room = request.context - own;
  if (room < 1)
    return fail(ErrorKind::usage,
                "--context {}: expected at least 2, for BOS and a token of the text",
                request.context);
  if (request.stride > room)
    return fail(ErrorKind::usage,
                "--stride {}: expected at most {}, the tokens of the text in a piece",
                request.stride, room);
  const auto size = static_cast<std::size_t>(room);
  const auto step = request.stride > 0 ? static_cast<std::size_t>(request.stride) : size;
  if (ids.size() < size) {
    out.push_back(piece_of(ids, 0, ids.size(), bos, text.name));
    return {};
  }
  int pieces = 0;
  for (std::size_t first = 0; first + size <= ids.size(); first += step) {
    if (request.pieces > 0 && ++pieces > request.pieces) break;
    out.push_back(piece_of(ids, first, size, bos, text.name));
    if (first > 0) out.back().first_scored = std::max(1, own + static_cast<int>(size - step));
  }
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
    TEPUI_TRY(const std::vector<Text> texts, read_texts(request));
    for (const Text& text : texts) TEPUI_TRY(add_text(text, request, *tokenizer, corpus.sequences));
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

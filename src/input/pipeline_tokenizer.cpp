// SPDX-License-Identifier: MIT
#include "input/pipeline_tokenizer.h"

#include <algorithm>
#include <utility>

#include "input/fingerprint.h"
#include "input/utf8.h"

namespace tepui::input {
namespace {

class PipelineTokenizer final : public VocabularyTokenizer {
 public:
  static Result<std::unique_ptr<Tokenizer>> create(Pipeline pipeline, TokenizerFacts facts) {
    std::unique_ptr<PipelineTokenizer> tokenizer(
        new PipelineTokenizer(std::move(pipeline), std::move(facts)));
    for (const AddedToken& token : tokenizer->pipeline_.added_tokens) {
      if (!token.normalized) {
        tokenizer->in_text_.add(token.content, token);
        continue;
      }
      TEPUI_TRY(const std::string pattern, tokenizer->pipeline_.normalizer.apply(token.content));
      tokenizer->in_normalized_.add(pattern, token);
    }
    return tokenizer;
  }

  Result<std::vector<TokenId>> encode(std::string_view text) const override {
    TEPUI_TRY(check_utf8(text));
    std::vector<TokenId> ids;
    Bpe::State state;
    for (const auto& part : in_text_.split(text)) {
      if (part.id >= 0)
        ids.push_back(part.id);
      else
        TEPUI_TRY(encode_part(text.substr(part.begin, part.end - part.begin), part.begin == 0,
                              state, ids));
    }
    return ids;
  }

 private:
  PipelineTokenizer(Pipeline pipeline, TokenizerFacts facts)
      : VocabularyTokenizer(std::move(facts)), pipeline_(std::move(pipeline)) {}

  Status encode_part(std::string_view text, bool opens_text, Bpe::State& state,
                     std::vector<TokenId>& ids) const {
    TEPUI_TRY(const std::string normalized, pipeline_.normalizer.apply(std::string(text)));
    for (const auto& part : in_normalized_.split(normalized)) {
      if (part.id >= 0) {
        ids.push_back(part.id);
        continue;
      }
      Words words;
      words.text = normalized.substr(part.begin, part.end - part.begin);
      words.words.push_back({0, words.text.size(), opens_text && part.begin == 0});
      TEPUI_TRY(pipeline_.pre_tokenizer.apply(words));
      for (const Words::Word& word : words.words)
        TEPUI_TRY(pipeline_.bpe.encode(words.view(word), state, ids));
    }
    return {};
  }

  Pipeline pipeline_;
  AddedTokenFinder in_text_;
  AddedTokenFinder in_normalized_;
};

// A hole in the ids is allowed, but one wrong id must not ask for gigabytes.
Status make_room(std::vector<std::string>& pieces, TokenId id, std::size_t tokens,
                 const std::string& where) {
  const auto index = static_cast<std::size_t>(id);
  if (index >= 2 * tokens + 65536)
    return fail(ErrorKind::data, "{}: the id {} is far beyond the number of tokens, {}", where, id,
                tokens);
  if (index >= pieces.size()) pieces.resize(index + 1);
  return {};
}

// Added tokens take the ids that the file gives them; a token that the vocabulary has keeps its
// own.
Status place_added_tokens(Pipeline& pipeline, std::vector<std::string>& pieces, std::size_t tokens,
                          const std::string& where) {
  for (AddedToken& token : pipeline.added_tokens) {
    const auto known = pipeline.bpe.vocabulary().find(token.content);
    if (known != pipeline.bpe.vocabulary().end()) {
      token.id = known->second;
      continue;
    }
    TEPUI_TRY(make_room(pieces, token.id, tokens, where));
    const auto index = static_cast<std::size_t>(token.id);
    if (!pieces[index].empty() && pieces[index] != token.content)
      return fail(ErrorKind::data, "{}: the added token '{}' has id {}, which is that of '{}'",
                  where, quotable(token.content), token.id, quotable(pieces[index]));
    pieces[index] = token.content;
  }
  return {};
}

std::vector<std::string> running_text(const Pipeline& pipeline,
                                      const std::vector<std::string>& pieces) {
  const ByteLevelMap map;
  const bool byte_level = pipeline.pre_tokenizer.byte_level();
  std::string marker = pipeline.pre_tokenizer.space_marker();
  if (marker.empty()) marker = pipeline.normalizer.space_marker();
  std::vector<std::string> bytes = pieces;
  for (std::string& piece : bytes) {
    if (byte_level) {
      if (auto raw = map.bytes(piece)) piece = std::move(*raw);
      continue;
    }
    const auto byte = pipeline.bpe.byte_fallback() ? byte_of_token_name(piece) : std::nullopt;
    if (byte)
      piece.assign(1, *byte);
    else if (!marker.empty())
      piece = replace_all(piece, marker, " ");
  }
  for (const AddedToken& token : pipeline.added_tokens)
    bytes[static_cast<std::size_t>(token.id)] = token.content;
  return bytes;
}

std::string fingerprint_of(const Pipeline& pipeline, const TokenizerFacts& facts) {
  Fingerprint fingerprint;
  fingerprint.add(facts.kind).add(pipeline.description).add(pipeline.bpe.rules().hex());
  for (const std::string& piece : facts.pieces) fingerprint.add(piece);
  for (const AddedToken& token : pipeline.added_tokens) {
    fingerprint.add(token.content).add(static_cast<std::uint64_t>(token.id));
    fingerprint.add((token.single_word ? 1U : 0U) | (token.lstrip ? 2U : 0U) |
                    (token.rstrip ? 4U : 0U) | (token.normalized ? 8U : 0U) |
                    (token.special ? 16U : 0U));
  }
  fingerprint.add(static_cast<std::uint64_t>(facts.specials.bos.value_or(-1)));
  fingerprint.add(static_cast<std::uint64_t>(facts.specials.eos.value_or(-1)));
  fingerprint.add(facts.specials.adds_bos ? 1U : 0U);
  return fingerprint.hex();
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_pipeline_tokenizer(Pipeline pipeline,
                                                           const TokenizerSettings& settings,
                                                           const std::string& where) {
  TokenizerFacts facts;
  const std::size_t tokens = pipeline.bpe.vocabulary().size() + pipeline.added_tokens.size();
  for (const auto& [piece, id] : pipeline.bpe.vocabulary()) {
    TEPUI_TRY(make_room(facts.pieces, id, tokens, where));
    const auto index = static_cast<std::size_t>(id);
    if (!facts.pieces[index].empty())
      return fail(ErrorKind::data, "{}: the id {} belongs to two tokens, '{}' and '{}'", where, id,
                  quotable(std::min(piece, facts.pieces[index])),
                  quotable(std::max(piece, facts.pieces[index])));
    facts.pieces[index] = piece;
  }
  TEPUI_TRY(place_added_tokens(pipeline, facts.pieces, tokens, where));
  if (facts.pieces.empty()) return fail(ErrorKind::data, "{}: the vocabulary is empty", where);
  facts.bytes = running_text(pipeline, facts.pieces);
  PieceIds names = pipeline.bpe.vocabulary();
  for (const AddedToken& token : pipeline.added_tokens) names.emplace(token.content, token.id);
  TEPUI_TRY(facts.specials, resolve_specials(settings, names, pipeline.rule));
  facts.kind = pipeline.pre_tokenizer.byte_level() ? "byte-level BPE"
               : pipeline.bpe.byte_fallback()      ? "BPE with byte fallback"
                                                   : "BPE";
  facts.fingerprint = fingerprint_of(pipeline, facts);
  return PipelineTokenizer::create(std::move(pipeline), std::move(facts));
}

}  // namespace tepui::input

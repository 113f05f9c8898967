// SPDX-License-Identifier: MIT
#include "input/sentencepiece.h"

#include <bit>
#include <utility>

#include "base/mapped_file.h"
#include "input/fingerprint.h"
#include "input/score_bpe.h"
#include "input/sentencepiece_model.h"
#include "input/sentencepiece_normalizer.h"
#include "input/utf8.h"

namespace tepui::input {
namespace {

using Type = SentencePiece::Type;

class SentencePieceTokenizer final : public VocabularyTokenizer {
 public:
  SentencePieceTokenizer(TokenizerFacts facts, SentencePieceNormalizer normalizer,
                         const ScoreVocabulary& vocabulary)
      : VocabularyTokenizer(std::move(facts)),
        normalizer_(std::move(normalizer)),
        bpe_(vocabulary) {}

  Result<std::vector<TokenId>> encode(std::string_view text) const override {
    TEPUI_TRY(check_utf8(text));
    const std::string normalized = normalizer_.apply(
        text,
        [this](std::string_view all, std::size_t at) { return bpe_.user_defined_at(all, at); });
    std::vector<TokenId> ids;
    TEPUI_TRY(bpe_.encode(normalized, ids));
    return ids;
  }

 private:
  SentencePieceNormalizer normalizer_;
  ScoreBpe bpe_;
};

std::string running_text(const SentencePiece& piece, bool escape_whitespaces) {
  if (piece.type == Type::byte) return std::string(1, byte_of_token_name(piece.text).value_or('?'));
  if (piece.type == Type::control || piece.type == Type::unknown || !escape_whitespaces)
    return piece.text;
  return replace_all(piece.text, "\xe2\x96\x81", " ");
}

std::string fingerprint_of(const SentencePieceModel& model, const SpecialIds& specials) {
  Fingerprint fingerprint;
  fingerprint.add("SentencePiece BPE").add(model.charsmap);
  fingerprint.add((model.byte_fallback ? 1U : 0U) | (model.add_dummy_prefix ? 2U : 0U) |
                  (model.remove_extra_whitespaces ? 4U : 0U) |
                  (model.escape_whitespaces ? 8U : 0U) | (specials.adds_bos ? 16U : 0U));
  fingerprint.add(static_cast<std::uint64_t>(specials.bos.value_or(-1)));
  fingerprint.add(static_cast<std::uint64_t>(specials.eos.value_or(-1)));
  for (const SentencePiece& piece : model.pieces)
    fingerprint.add(piece.text)
        .add(std::bit_cast<std::uint32_t>(piece.score))
        .add(static_cast<std::uint64_t>(piece.type));
  return fingerprint.hex();
}

ScoreVocabulary score_vocabulary(const SentencePieceModel& model) {
  ScoreVocabulary vocabulary;
  vocabulary.unk = model.unk;
  vocabulary.byte_fallback = model.byte_fallback;
  vocabulary.byte_ids = model.byte_ids;
  for (const SentencePiece& piece : model.pieces) {
    const bool unused = piece.type == Type::unused;
    const bool user_defined = piece.type == Type::user_defined;
    vocabulary.pieces.push_back({piece.text, piece.score,
                                 piece.type == Type::normal || unused || user_defined, unused,
                                 user_defined});
  }
  return vocabulary;
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> parse_sentencepiece(std::string_view bytes,
                                                       const std::string& file,
                                                       const TokenizerSettings& settings) {
  TEPUI_TRY(const SentencePieceModel model, parse_sentencepiece_model(bytes, file));
  return make_sentencepiece_tokenizer(model, file, settings);
}

Result<std::unique_ptr<Tokenizer>> make_sentencepiece_tokenizer(const SentencePieceModel& model,
                                                                const std::string& file,
                                                                const TokenizerSettings& settings) {
  TEPUI_TRY(SentencePieceNormalizer normalizer, SentencePieceNormalizer::create(model, file));
  TokenizerFacts facts;
  PieceIds names;
  ContainerRule rule;
  for (std::size_t i = 0; i < model.pieces.size(); ++i) {
    const SentencePiece& piece = model.pieces[i];
    const auto id = static_cast<TokenId>(i);
    facts.pieces.push_back(piece.text);
    facts.bytes.push_back(running_text(piece, model.escape_whitespaces));
    names.emplace(piece.text, id);
    if (piece.type == Type::control && piece.text == model.bos_piece) rule.bos = id;
    if (piece.type == Type::control && piece.text == model.eos_piece) rule.eos = id;
  }
  rule.adds_bos = true;  // LLaMA's, Mistral's and Gemma's rule
  TEPUI_TRY(facts.specials, resolve_specials(settings, names, rule));
  facts.kind = "SentencePiece BPE";
  facts.fingerprint = fingerprint_of(model, facts.specials);
  return std::make_unique<SentencePieceTokenizer>(std::move(facts), std::move(normalizer),
                                                  score_vocabulary(model));
}

Result<std::unique_ptr<Tokenizer>> load_sentencepiece(const std::filesystem::path& path,
                                                      const TokenizerSettings& settings) {
  TEPUI_TRY(const std::string bytes, read_file(path));
  return parse_sentencepiece(bytes, path.string(), settings);
}

}  // namespace tepui::input

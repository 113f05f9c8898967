// SPDX-License-Identifier: MIT
#include "input/gguf_tokenizer.h"

#include <cmath>
#include <utility>

#include "gguf/gguf_file.h"
#include "input/gguf_pre_tokenizers.h"
#include "input/pipeline_tokenizer.h"
#include "input/sentencepiece.h"
#include "input/sentencepiece_model.h"
#include "input/utf8.h"

namespace tepui::input {
namespace {

using Type = SentencePiece::Type;

// What both kinds of vocabulary are made of.
struct GgufVocabulary {
  std::vector<std::string_view> tokens;
  std::vector<std::int64_t> types;  // as SentencePiece numbers them; 0: not said
  std::optional<TokenId> bos;
  std::optional<TokenId> eos;
  std::optional<TokenId> unk;
  std::optional<bool> adds_bos;
};

class VocabularyReader {
 public:
  explicit VocabularyReader(const GgufMetadata& metadata) : metadata_(metadata) {}

  Result<GgufVocabulary> read() const {
    GgufVocabulary vocabulary;
    TEPUI_TRY(vocabulary.tokens, metadata_.texts("tokenizer.ggml.tokens"));
    if (vocabulary.tokens.empty())
      return fail(ErrorKind::data, "{}: expected key \"tokenizer.ggml.tokens\", found none",
                  metadata_.file());
    TEPUI_TRY(vocabulary.types, metadata_.integers("tokenizer.ggml.token_type"));
    if (vocabulary.types.empty()) vocabulary.types.assign(vocabulary.tokens.size(), 1);
    TEPUI_TRY(same_length("token_type", vocabulary.types.size(), vocabulary.tokens.size()));
    for (const std::int64_t type : vocabulary.types)
      if (type < 0 || type > 6)
        return fail(ErrorKind::data,
                    "{}: key \"tokenizer.ggml.token_type\": expected types from 0 to 6, found {}",
                    metadata_.file(), type);
    const std::size_t count = vocabulary.tokens.size();
    TEPUI_TRY(vocabulary.bos, id("bos_token_id", count));
    TEPUI_TRY(vocabulary.eos, id("eos_token_id", count));
    TEPUI_TRY(vocabulary.unk, id("unknown_token_id", count));
    TEPUI_TRY(vocabulary.adds_bos, metadata_.boolean("tokenizer.ggml.add_bos_token"));
    return vocabulary;
  }

  Status same_length(std::string_view key, std::size_t found, std::size_t expected) const {
    if (found == expected) return {};
    return fail(ErrorKind::data,
                "{}: key \"tokenizer.ggml.{}\": expected {} values, one for each token, found {}",
                metadata_.file(), key, expected, found);
  }

 private:
  Result<std::optional<TokenId>> id(std::string_view name, std::size_t tokens) const {
    const std::string key = fmt::format("tokenizer.ggml.{}", name);
    TEPUI_TRY(const auto value, metadata_.integer(key));
    if (!value) return std::nullopt;
    if (*value < 0 || *value >= static_cast<std::int64_t>(tokens))
      return fail(ErrorKind::data, "{}: key \"{}\": expected an id below {}, found {}",
                  metadata_.file(), key, tokens, *value);
    return static_cast<TokenId>(*value);
  }

  const GgufMetadata& metadata_;
};

TokenizerSettings settings_of(const GgufVocabulary& vocabulary, const std::string& file) {
  TokenizerSettings settings;
  settings.source = file;
  settings.add_bos_token = vocabulary.adds_bos;
  return settings;
}

Result<std::unique_ptr<Tokenizer>> sentencepiece_tokenizer(const GgufMetadata& metadata) {
  const VocabularyReader reader(metadata);
  TEPUI_TRY(const GgufVocabulary vocabulary, reader.read());
  TEPUI_TRY(const auto scores, metadata.numbers("tokenizer.ggml.scores"));
  if (scores.empty())
    return fail(ErrorKind::data, "{}: expected key \"tokenizer.ggml.scores\", found none",
                metadata.file());
  TEPUI_TRY(reader.same_length("scores", scores.size(), vocabulary.tokens.size()));
  SentencePieceModel model;
  for (std::size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    SentencePiece piece{
        std::string(vocabulary.tokens[i]), static_cast<float>(scores[i]),
        vocabulary.types[i] == 0 ? Type::control : static_cast<Type>(vocabulary.types[i])};
    // Converters of 2024 called what pads a table unknown; the key says which piece is.
    const bool is_unk = vocabulary.unk == static_cast<TokenId>(i);
    if (is_unk) piece.type = Type::unknown;
    if (vocabulary.unk && !is_unk && piece.type == Type::unknown) piece.type = Type::unused;
    if (piece.text.empty()) piece = {fmt::format("[EMPTY_{}]", i), 0, Type::control};
    if (first_invalid_utf8(piece.text) || !std::isfinite(piece.score))
      return fail(ErrorKind::data,
                  "{}: token {}: expected a text in UTF-8 with a finite score, found '{}' with {}",
                  metadata.file(), i, quotable(piece.text), piece.score);
    model.byte_fallback = model.byte_fallback || piece.type == Type::byte;
    model.pieces.push_back(std::move(piece));
  }
  const auto name = [&](std::optional<TokenId> id) {
    return id ? model.pieces[static_cast<std::size_t>(*id)].text : std::string();
  };
  model.bos_piece = name(vocabulary.bos);
  model.eos_piece = name(vocabulary.eos);
  TEPUI_TRY(const auto prefix, metadata.boolean("tokenizer.ggml.add_space_prefix"));
  TEPUI_TRY(const auto trim, metadata.boolean("tokenizer.ggml.remove_extra_whitespaces"));
  model.add_dummy_prefix = prefix.value_or(true);
  model.remove_extra_whitespaces = trim.value_or(false);
  TEPUI_TRY(check_sentencepiece_model(metadata.file(), model));
  return make_sentencepiece_tokenizer(model, metadata.file(),
                                      settings_of(vocabulary, metadata.file()));
}

Result<std::vector<std::pair<std::string, std::string>>> read_merges(const GgufMetadata& metadata) {
  TEPUI_TRY(const auto lines, metadata.texts("tokenizer.ggml.merges"));
  if (!metadata.has("tokenizer.ggml.merges"))
    return fail(ErrorKind::data, "{}: expected key \"tokenizer.ggml.merges\", found none",
                metadata.file());
  std::vector<std::pair<std::string, std::string>> merges;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    const std::size_t space = line.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == line.size())
      return fail(ErrorKind::data,
                  "{}: key \"tokenizer.ggml.merges\": merge {}: expected two pieces and one space, "
                  "found '{}'",
                  metadata.file(), i, quotable(line));
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return merges;
}

Result<std::string> kind_of(const GgufMetadata& metadata) {
  TEPUI_TRY(const auto kind, metadata.text("tokenizer.ggml.pre"));
  TEPUI_TRY(const auto architecture, metadata.text("general.architecture"));
  // Pythia's files name GPT-2's kind, but its tokenizer normalizes besides.
  if (architecture == "gptneox" && kind.value_or("gpt-2") == "gpt-2") return "gptneox";
  if (kind && *kind != "default") return *kind;
  const std::string_view by_architecture =
      gguf_kind_of_architecture(architecture.value_or(std::string()));
  if (by_architecture.empty())
    return fail(ErrorKind::unsupported,
                "{}: key \"tokenizer.ggml.pre\": expected the kind of pre-tokenizer, found {}",
                metadata.file(), metadata.shown("tokenizer.ggml.pre"));
  return std::string(by_architecture);
}

Result<std::unique_ptr<Tokenizer>> byte_level_tokenizer(const GgufMetadata& metadata) {
  const std::string& file = metadata.file();
  TEPUI_TRY(const GgufVocabulary vocabulary, VocabularyReader(metadata).read());
  TEPUI_TRY(const std::string kind, kind_of(metadata));
  const auto pre = gguf_pre_tokenizer(kind);
  if (!pre)
    return fail(ErrorKind::unsupported,
                "{}: key \"tokenizer.ggml.pre\": the pre-tokenizer \"{}\" is not known", file,
                quotable(kind));
  BpeDescription description;
  std::vector<AddedToken> added;
  for (std::size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    const auto type = static_cast<Type>(vocabulary.types[i]);
    const auto id = static_cast<TokenId>(i);
    const std::string text(vocabulary.tokens[i]);
    if (type == Type::unused || text.empty()) continue;  // paddings of the table
    if (type == Type::control || type == Type::user_defined) {
      const bool special = type == Type::control;
      added.push_back({id, text, false, false, false, !special, special});
    }
    if (!description.vocabulary.emplace(text, id).second)
      return fail(ErrorKind::data, "{}: key \"tokenizer.ggml.tokens\": '{}' stands twice", file,
                  quotable(text));
  }
  TEPUI_TRY(description.merges, read_merges(metadata));
  description.ignore_merges = pre->ignore_merges;
  TEPUI_TRY(Bpe bpe, Bpe::create(std::move(description), file));
  const Json* normalizer = pre->normalizer.is_null() ? nullptr : &pre->normalizer;
  TEPUI_TRY(Normalizer normal, Normalizer::create(normalizer, file));
  TEPUI_TRY(PreTokenizer words, PreTokenizer::create(&pre->pre_tokenizer, file));
  const ContainerRule rule{vocabulary.bos, vocabulary.eos, pre->adds_bos};
  return make_pipeline_tokenizer(
      Pipeline{std::move(normal), std::move(words), std::move(bpe), std::move(added), rule, kind},
      settings_of(vocabulary, file), file);
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> gguf_tokenizer(const GgufMetadata& metadata) {
  TEPUI_TRY(const auto model, metadata.text("tokenizer.ggml.model"));
  if (model == "llama") return sentencepiece_tokenizer(metadata);
  if (model == "gpt2") return byte_level_tokenizer(metadata);
  if (!model)
    return fail(ErrorKind::data, "{}: no tokenizer found (expected key \"tokenizer.ggml.model\")",
                metadata.file());
  return fail(ErrorKind::unsupported,
              "{}: key \"tokenizer.ggml.model\": expected \"llama\" or \"gpt2\", found \"{}\"",
              metadata.file(), quotable(*model));
}

Result<std::unique_ptr<Tokenizer>> load_gguf_tokenizer(const std::filesystem::path& file) {
  TEPUI_TRY(MappedFile mapped, MappedFile::open(file));
  TEPUI_TRY(const GgufFile gguf, read_gguf(std::move(mapped)));
  return gguf_tokenizer(gguf.metadata);
}

}  // namespace tepui::input

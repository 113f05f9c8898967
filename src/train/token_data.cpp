// SPDX-License-Identifier: MIT
#include "train/token_data.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "base/draws.h"
#include "base/hash.h"
#include "base/mapped_file.h"
#include "base/utf8_text.h"
#include "input/corpus.h"
#include "input/tokenizer.h"
#include "ops/random_bits.h"

namespace tepui {
namespace {

struct CharacterText {
  std::vector<char32_t> characters;
  std::map<char32_t, std::string> spelling;
};

Status add_characters(const std::string& text, const std::string& file, CharacterText& out) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    if (point.length == 0) return fail(ErrorKind::data, "{}: not valid UTF-8 at byte {}", file, at);
    out.characters.push_back(point.value);
    out.spelling.try_emplace(point.value, text.substr(at, point.length));
    at += point.length;
  }
  return {};
}

constexpr const char* kBegin = "<s>";

// A tokenizer of single characters: byte-pair encoding without a merge.
std::string character_tokenizer(const std::map<char32_t, std::int32_t>& ids,
                                const CharacterText& text, std::optional<std::int32_t> begin) {
  nlohmann::json added = nlohmann::json::array();
  nlohmann::json template_ = nullptr;
  if (begin) {
    const nlohmann::json special = {{"SpecialToken", {{"id", kBegin}, {"type_id", 0}}}};
    const nlohmann::json sequence = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
    added.push_back({{"id", *begin},
                     {"content", kBegin},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
    template_ = {
        {"type", "TemplateProcessing"},
        {"single", {special, sequence}},
        {"pair", {special, sequence, {{"Sequence", {{"id", "B"}, {"type_id", 1}}}}}},
        {"special_tokens", {{kBegin, {{"id", kBegin}, {"ids", {*begin}}, {"tokens", {kBegin}}}}}}};
  }
  nlohmann::json vocabulary = nlohmann::json::object();
  for (const auto& [character, id] : ids) vocabulary[text.spelling.at(character)] = id;
  const nlohmann::json json = {{"version", "1.0"},
                               {"truncation", nullptr},
                               {"padding", nullptr},
                               {"added_tokens", added},
                               {"normalizer", nullptr},
                               {"pre_tokenizer", nullptr},
                               {"post_processor", template_},
                               {"decoder", {{"type", "Fuse"}}},
                               {"model",
                                {{"type", "BPE"},
                                 {"dropout", nullptr},
                                 {"unk_token", nullptr},
                                 {"continuing_subword_prefix", nullptr},
                                 {"end_of_word_suffix", nullptr},
                                 {"fuse_unk", false},
                                 {"byte_fallback", false},
                                 {"ignore_merges", false},
                                 {"vocab", vocabulary},
                                 {"merges", nlohmann::json::array()}}}};
  return json.dump(1) + "\n";
}

Result<std::vector<std::int32_t>> character_tokens(const DataRecipe& recipe, TokenData& data) {
  CharacterText text;
  for (const auto& path : recipe.texts) {
    TEPUI_TRY(const std::string content, read_file(path));
    TEPUI_TRY(add_characters(content, path.string(), text));
  }
  std::map<char32_t, std::int32_t> ids;
  for (const auto& [character, spelling] : text.spelling)
    ids.emplace(character, static_cast<std::int32_t>(ids.size()));
  data.vocabulary = static_cast<int>(ids.size());
  if (recipe.begin) data.begin = data.vocabulary++;
  data.tokenizer_json = character_tokenizer(ids, text, data.begin);
  for (const auto& [character, id] : ids) data.pieces.push_back(text.spelling.at(character));
  std::vector<std::int32_t> tokens;
  tokens.reserve(text.characters.size());
  for (const char32_t character : text.characters) tokens.push_back(ids.at(character));
  return tokens;
}

// The tokenizer's size, first token and files.
Result<std::unique_ptr<Tokenizer>> take_tokenizer(const DataRecipe& recipe, TokenData& data) {
  const std::filesystem::path path(recipe.tokens);
  TEPUI_TRY(std::unique_ptr<Tokenizer> tokenizer, load_tokenizer(path));
  data.vocabulary = tokenizer->vocabulary_size();
  for (int id = 0; id < data.vocabulary; ++id) data.pieces.push_back(tokenizer->piece(id));
  if (recipe.begin) {
    const auto begin = tokenizer->bos() ? tokenizer->bos() : tokenizer->eos();
    if (!begin)
      return fail(ErrorKind::data,
                  "{}: expected a BOS or EOS for sequences to begin with, found neither",
                  path.string());
    data.begin = static_cast<std::int32_t>(*begin);
  }
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    data.tokenizer_files.push_back(path);
    return tokenizer;
  }
  for (const char* name : {"tokenizer.json", "tokenizer.model", "tokenizer_config.json",
                           "special_tokens_map.json", "vocab.json", "merges.txt"}) {
    if (std::filesystem::exists(path / name, error)) data.tokenizer_files.push_back(path / name);
  }
  return tokenizer;
}

Result<std::vector<std::int32_t>> tokenizer_tokens(const DataRecipe& recipe, TokenData& data) {
  TEPUI_TRY(const std::unique_ptr<Tokenizer> tokenizer, take_tokenizer(recipe, data));
  std::vector<std::int32_t> tokens;
  for (const auto& file : recipe.texts) {
    TEPUI_TRY(const std::string content, read_file(file));
    auto ids = tokenizer->encode(content);
    if (!ids) return fail(ids.error().kind, "{}: {}", file.string(), ids.error().message);
    tokens.insert(tokens.end(), ids->begin(), ids->end());
  }
  return tokens;
}

// All lists one after the other.
Result<std::vector<std::int32_t>> listed_tokens(const DataRecipe& recipe, TokenData& data) {
  const bool has_tokenizer = recipe.tokens != "characters";
  if (has_tokenizer) {
    TEPUI_TRY(const auto tokenizer, take_tokenizer(recipe, data));
  }
  std::vector<std::int32_t> tokens;
  for (const auto& file : recipe.ids) {
    CorpusRequest request;
    request.ids = file;
    TEPUI_TRY(const Corpus corpus, load_corpus(request, nullptr));
    for (const CorpusSequence& sequence : corpus.sequences)
      tokens.insert(tokens.end(), sequence.ids.begin(), sequence.ids.end());
    const auto largest = std::ranges::max_element(tokens);
    if (largest == tokens.end()) continue;
    if (has_tokenizer && *largest >= data.vocabulary)
      return fail(ErrorKind::data, "{}: expected ids below the tokenizer's {}, found {}",
                  file.string(), data.vocabulary, *largest);
    data.vocabulary = std::max(data.vocabulary, *largest + 1);
  }
  return tokens;
}

Result<std::vector<std::int32_t>> read_bin(const std::filesystem::path& path, TokenData& data) {
  TEPUI_TRY(const MappedFile file, MappedFile::open(path));
  const std::span<const std::byte> bytes = file.bytes();
  if (bytes.size() % 2 != 0)
    return fail(ErrorKind::data, "{}: expected 16-bit token ids, found {} bytes", path.string(),
                bytes.size());
  std::vector<std::int32_t> tokens(bytes.size() / 2);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] =
        static_cast<std::int32_t>(bytes[2 * i]) | static_cast<std::int32_t>(bytes[2 * i + 1]) << 8;
    data.vocabulary = std::max(data.vocabulary, tokens[i] + 1);
  }
  return tokens;
}

}  // namespace

Result<TokenData> load_token_data(const DataRecipe& recipe) {
  TokenData data;
  if (recipe.train_bin) {
    TEPUI_TRY(data.train, read_bin(*recipe.train_bin, data));
    TEPUI_TRY(data.validation, read_bin(*recipe.validation_bin, data));
    return data;
  }
  TEPUI_TRY(std::vector<std::int32_t> tokens, !recipe.ids.empty() ? listed_tokens(recipe, data)
                                              : recipe.tokens == "characters"
                                                  ? character_tokens(recipe, data)
                                                  : tokenizer_tokens(recipe, data));
  const auto kept =
      static_cast<std::ptrdiff_t>(static_cast<double>(tokens.size()) * (1 - recipe.validation));
  data.train.assign(tokens.begin(), tokens.begin() + kept);
  data.validation.assign(tokens.begin() + kept, tokens.end());
  return data;
}

std::string data_hash(const TokenData& data) {
  std::string all;
  for (const auto* tokens : {&data.train, &data.validation})
    all +=
        fmt::format("{} {} ", tokens->size(), hash_bytes(std::as_bytes(std::span(*tokens))).hex());
  for (const std::string& piece : data.pieces) all += fmt::format("{} {}", piece.size(), piece);
  return hash_hex(all);
}

// How many tokens on the next sequence begins, so that each token is predicted once.
static std::size_t stride_of(const TrainShape& shape) {
  return static_cast<std::size_t>(shape.length) - unpredicted(shape);
}

// The sequence of tokens from `first` on; what is behind the last one does not count.
static void append_sequence(TokenBatch& batch, const std::vector<std::int32_t>& tokens,
                            const TrainShape& shape, std::size_t first) {
  const auto token = [&](std::size_t i, std::int32_t none) {
    return first + i < tokens.size() ? tokens[first + i] : none;
  };
  const std::size_t shift = shape.begin ? 1 : 0;
  for (std::size_t j = 0; j < static_cast<std::size_t>(shape.length); ++j) {
    const bool begins = shape.begin && j == 0;
    const std::int32_t target = token(j + 1 - shift, -1);
    batch.ids.push_back(begins ? *shape.begin : target < 0 ? 0 : token(j - shift, 0));
    batch.targets.push_back(j < unpredicted(shape) ? -1 : target);
  }
}

TokenBatch draw_batch(const std::vector<std::int32_t>& tokens, const TrainShape& shape,
                      std::uint64_t seed, BatchUse use, std::uint64_t number) {
  std::seed_seq words{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                      static_cast<std::uint32_t>(use), static_cast<std::uint32_t>(number),
                      static_cast<std::uint32_t>(number >> 32)};
  std::mt19937_64 random(words);
  const auto length = static_cast<std::size_t>(shape.length);
  TokenBatch batch;
  for (int s = 0; s < shape.sequences; ++s) {
    const std::size_t first = draw_below(random, tokens.size() - length);
    append_sequence(batch, tokens, shape, first);
  }
  return batch;
}

std::size_t whole_batches(std::size_t tokens, const TrainShape& shape) {
  const std::size_t at_once = static_cast<std::size_t>(shape.sequences) * stride_of(shape);
  const std::size_t not_predicted = unpredicted(shape) + (shape.begin ? 0 : 1);
  return tokens <= not_predicted ? 0 : (tokens - not_predicted + at_once - 1) / at_once;
}

TokenBatch whole_batch(const std::vector<std::int32_t>& tokens, const TrainShape& shape,
                       std::size_t i, std::size_t& counted) {
  TokenBatch batch;
  for (int s = 0; s < shape.sequences; ++s) {
    const std::size_t sequence = i * static_cast<std::size_t>(shape.sequences);
    append_sequence(batch, tokens, shape,
                    (sequence + static_cast<std::size_t>(s)) * stride_of(shape));
  }
  counted = batch.targets.size() -
            static_cast<std::size_t>(std::ranges::count(batch.targets, std::int32_t{-1}));
  return batch;
}

std::array<std::uint32_t, 2> dropout_key(std::uint64_t seed, std::uint64_t number) {
  const auto low = static_cast<std::uint32_t>(number);
  return {
      pcg3d_word(static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32), low),
      pcg3d_word(low, static_cast<std::uint32_t>(number >> 32), static_cast<std::uint32_t>(seed))};
}

}  // namespace tepui

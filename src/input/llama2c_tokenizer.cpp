// SPDX-License-Identifier: MIT
#include "input/llama2c_tokenizer.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/mapped_file.h"
#include "input/fingerprint.h"
#include "input/score_bpe.h"
#include "input/utf8.h"

namespace tepui::input {
namespace {

constexpr TokenId kUnk = 0, kBos = 1, kEos = 2, kFirstByte = 3;
constexpr std::size_t kFewestTokens = 3 + 256;
static_assert(std::endian::native == std::endian::little,
              "the file's numbers are read as they lie");

class Llama2cTokenizer final : public VocabularyTokenizer {
 public:
  Llama2cTokenizer(TokenizerFacts facts, const ScoreVocabulary& vocabulary)
      : VocabularyTokenizer(std::move(facts)), bpe_(vocabulary) {}

  Result<std::vector<TokenId>> encode(std::string_view text) const override {
    TEPUI_TRY(check_utf8(text));
    std::vector<TokenId> ids;
    if (text.empty()) return ids;
    std::string prefixed(1, ' ');  // the dummy prefix
    prefixed += text;
    TEPUI_TRY(bpe_.encode(prefixed, ids));
    return ids;
  }

 private:
  ScoreBpe bpe_;
};

template <class T>
bool read(std::string_view bytes, std::size_t& at, T& value) {
  if (bytes.size() - at < sizeof(T)) return false;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  at += sizeof(T);
  return true;
}

Result<std::vector<ScorePiece>> read_pieces(std::string_view bytes, const std::string& file) {
  std::size_t at = 0;
  std::int32_t longest = 0;
  if (!read(bytes, at, longest) || longest <= 0)
    return fail(ErrorKind::data, "{}: offset 0: expected the length of the longest token", file);
  std::vector<ScorePiece> pieces;
  while (at < bytes.size()) {
    const std::size_t begin = at;
    float score = 0;
    std::int32_t length = 0;
    const bool header = read(bytes, at, score) && read(bytes, at, length);
    if (!header || length < 0 || length > longest ||
        static_cast<std::size_t>(length) > bytes.size() - at)
      return fail(ErrorKind::data,
                  "{}: offset {}: token {}: expected a score, a length of at most {} and as many "
                  "bytes, found {}",
                  file, begin, pieces.size(), longest,
                  header ? fmt::format("length {} with {} bytes left", length, bytes.size() - at)
                         : "the end of the file");
    if (!std::isfinite(score))
      return fail(ErrorKind::data, "{}: offset {}: token {}: the score is not finite", file, begin,
                  pieces.size());
    pieces.push_back({std::string(bytes.substr(at, static_cast<std::size_t>(length))), score,
                      length > 0, false, false});
    at += static_cast<std::size_t>(length);
  }
  if (pieces.size() < kFewestTokens)
    return fail(ErrorKind::data,
                "{}: expected at least {} tokens (3 special ones and 256 bytes), found {}", file,
                kFewestTokens, pieces.size());
  return pieces;
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> parse_llama2c_tokenizer(std::string_view bytes,
                                                           const std::string& file) {
  ScoreVocabulary vocabulary;
  TEPUI_TRY(vocabulary.pieces, read_pieces(bytes, file));
  vocabulary.unk = kUnk;
  vocabulary.byte_fallback = true;
  TokenizerFacts facts;
  Fingerprint fingerprint;
  fingerprint.add("llama2.c");
  for (const ScorePiece& piece : vocabulary.pieces) {
    facts.pieces.push_back(piece.text);
    fingerprint.add(piece.text).add(std::bit_cast<std::uint32_t>(piece.score));
  }
  facts.bytes = facts.pieces;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const std::size_t id = kFirstByte + byte;
    vocabulary.byte_ids[byte] = static_cast<TokenId>(id);
    if (byte_of_token_name(facts.pieces[id]) != static_cast<char>(byte))
      return fail(ErrorKind::data, "{}: token {}: expected the byte {}, found '{}'", file, id,
                  byte_token_name(static_cast<unsigned char>(byte)), quotable(facts.pieces[id]));
    facts.bytes[id].assign(1, static_cast<char>(byte));
  }
  facts.specials = {kBos, kEos, true};
  facts.kind = "llama2.c BPE";
  facts.fingerprint = fingerprint.hex();
  return std::make_unique<Llama2cTokenizer>(std::move(facts), vocabulary);
}

Result<std::unique_ptr<Tokenizer>> load_llama2c_tokenizer(const std::filesystem::path& path) {
  TEPUI_TRY(const std::string bytes, read_file(path));
  return parse_llama2c_tokenizer(bytes, path.string());
}

}  // namespace tepui::input

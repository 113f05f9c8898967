// SPDX-License-Identifier: MIT
// Every reader must answer any bytes with a tokenizer or an error: each truncation of a small file,
// and some hundred files with bytes flipped by a fixed seed. A tokenizer that comes out must
// encode.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "input/llama2c_tokenizer.h"
#include "input/sentencepiece.h"
#include "input/tokenizer_json.h"
#include "support/tokenizer_cases.h"

namespace tepui::input {
namespace {

using Parse = std::function<Result<std::unique_ptr<Tokenizer>>(const std::string&)>;

constexpr const char* kText =
    "  The President\tsaid:\n\"caf\u00e9\" \u65e5\u672c 123 <s> <|end|> AB\ufb01 ";

struct Outcome {
  int errors = 0;
  int tokenizers = 0;
};

void try_one(const Parse& parse, const std::string& bytes, Outcome& outcome) {
  const auto tokenizer = parse(bytes);
  if (!tokenizer) {
    ++outcome.errors;
    EXPECT_TRUE(tokenizer.error().message.starts_with("file")) << tokenizer.error().message;
    EXPECT_EQ(tokenizer.error().message.find('\n'), std::string::npos) << tokenizer.error().message;
    return;
  }
  ++outcome.tokenizers;
  const auto ids = (*tokenizer)->encode(kText);
  if (!ids) return;
  for (const TokenId id : *ids) {
    EXPECT_GE(id, 0);
    EXPECT_LT(id, (*tokenizer)->vocabulary_size());
  }
}

Outcome truncations(const Parse& parse, const std::string& bytes, std::size_t step) {
  Outcome outcome;
  for (std::size_t size = 0; size < bytes.size(); size += step)
    try_one(parse, bytes.substr(0, size), outcome);
  return outcome;
}

Outcome flips(const Parse& parse, const std::string& bytes, int files) {
  std::mt19937 random(20240229);
  Outcome outcome;
  for (int i = 0; i < files; ++i) {
    std::string broken = bytes;
    for (std::uint32_t count = 1 + random() % 4; count > 0; --count)
      broken[random() % broken.size()] ^= static_cast<char>(1 + random() % 255);
    try_one(parse, broken, outcome);
  }
  return outcome;
}

Result<std::unique_ptr<Tokenizer>> parse_json_file(const std::string& bytes) {
  return parse_tokenizer_json(bytes, "file", {});
}
Result<std::unique_ptr<Tokenizer>> parse_model_file(const std::string& bytes) {
  return parse_sentencepiece(bytes, "file", {});
}
Result<std::unique_ptr<Tokenizer>> parse_bin_file(const std::string& bytes) {
  return parse_llama2c_tokenizer(bytes, "file");
}

TEST(CorruptTokenizer, SentencePieceModels) {
  for (const char* name : {"sp_mapped.model", "sp_gemma.model", "sp_unused.model"}) {
    SCOPED_TRACE(name);
    const std::string bytes = test::load_bytes(test::data_path("tokenizers") / name);
    EXPECT_GT(truncations(parse_model_file, bytes, 7).errors, 400);
    EXPECT_GT(flips(parse_model_file, bytes, 400).errors, 20);
  }
}

TEST(CorruptTokenizer, CharacterMapsOfSentencePiece) {
  // The map is a small part of the file: break it alone.
  const std::string bytes = test::load_bytes(test::data_path("tokenizers") / "sp_mapped.model");
  const std::size_t end = bytes.find("ab");
  ASSERT_NE(end, std::string::npos);
  std::mt19937 random(7);
  Outcome outcome;
  for (int i = 0; i < 1000; ++i) {
    std::string broken = bytes;
    const std::size_t at = bytes.size() - 1 - random() % std::min<std::size_t>(bytes.size(), 1400);
    broken[at] ^= static_cast<char>(1 + random() % 255);
    try_one(parse_model_file, broken, outcome);
  }
  EXPECT_GT(outcome.errors, 0);
  EXPECT_GT(outcome.tokenizers, 100);
}

TEST(CorruptTokenizer, TokenizerJsonFiles) {
  int index = 0;
  for (const auto& one : test::tokenizer_cases()) {
    SCOPED_TRACE(one.name);
    // Every file ends with its own fields; each takes other places of the shared vocabulary.
    EXPECT_EQ(
        truncations(parse_json_file, one.tokenizer_json, 97 + static_cast<std::size_t>(++index))
            .tokenizers,
        0);
    EXPECT_GT(flips(parse_json_file, one.tokenizer_json, 25).errors, 5);
  }
}

TEST(CorruptTokenizer, FieldsOfTheWrongKind) {
  const std::vector<nlohmann::json> wrong = {nullptr,
                                             true,
                                             -1,
                                             3.5,
                                             1e300,
                                             "x",
                                             "",
                                             nlohmann::json::array(),
                                             nlohmann::json::object(),
                                             {{"type", "Sequence"}},
                                             nlohmann::json::array({nlohmann::json::array({1})})};
  Outcome outcome;
  for (const auto& one : test::tokenizer_cases()) {
    const auto whole = nlohmann::json::parse(one.tokenizer_json).flatten();
    for (const auto& [pointer, value] : whole.items()) {
      if (pointer.starts_with("/model/vocab/") || pointer.starts_with("/model/merges/")) continue;
      auto json = nlohmann::json::parse(one.tokenizer_json);
      for (nlohmann::json::json_pointer at(pointer); !at.empty(); at.pop_back()) {
        json[at] = wrong[(pointer.size() + at.to_string().size()) % wrong.size()];
        try_one(parse_json_file, json.dump(), outcome);
      }
    }
  }
  EXPECT_GT(outcome.errors, 500);
}

TEST(CorruptTokenizer, JsonThatIsTooDeep) {
  for (const std::size_t depth : {100U, 100000U, 3000000U}) {
    const std::string open(depth, '[');
    const auto tokenizer = parse_json_file(open + std::string(depth, ']'));
    ASSERT_FALSE(tokenizer.has_value());
    EXPECT_NE(tokenizer.error().message.find("nested at most 64 deep"), std::string::npos);
    EXPECT_FALSE(parse_json_file(open).has_value());
  }
  EXPECT_EQ(parse_json_file("[1, 2]").error().message, "file: expected a JSON object");
  EXPECT_FALSE(parse_json_file("{\"model\": \"\xff\"}").has_value());
  EXPECT_FALSE(parse_json_file("{\"model\": \"\\ud800\"}").has_value());
}

std::string llama2c_file() {
  std::string bytes;
  const auto raw = [&](const auto value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  const auto token = [&](float score, const std::string& text) {
    raw(score);
    raw(static_cast<std::int32_t>(text.size()));
    bytes += text;
  };
  raw(std::int32_t{7});
  for (const char* name : {"<unk>", "\n<s>\n", "\n</s>\n"}) token(0, name);
  for (int byte = 0; byte < 256; ++byte)
    token(0, byte_token_name(static_cast<unsigned char>(byte)));
  float score = 0;
  for (const char* text : {"th", " th", " the", "he", "in"}) token(score--, text);
  for (const char* text : {" ", "t", "h", "e", "i", "n"}) token(score--, text);
  return bytes;
}

TEST(Llama2cTokenizer, MergesByScoreAndFallsBackToBytes) {
  const auto tokenizer = parse_bin_file(llama2c_file());
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  const auto ids = [&](const char* text) { return (*tokenizer)->encode(text).value(); };
  using Ids = std::vector<TokenId>;
  EXPECT_EQ((*tokenizer)->vocabulary_size(), 3 + 256 + 11);
  EXPECT_EQ(ids(""), (Ids{}));
  EXPECT_EQ(ids("the"), (Ids{261}));
  EXPECT_EQ(ids(" in\n"), (Ids{264, 264, 263, 13}));
  EXPECT_EQ(ids("\u00e9"), (Ids{264, 3 + 0xc3, 3 + 0xa9}));
  EXPECT_EQ((*tokenizer)->piece(13), "<0x0A>");
  EXPECT_EQ((*tokenizer)->piece_bytes(13), "\n");
  EXPECT_EQ((*tokenizer)->piece_bytes(261), " the");
  EXPECT_EQ((*tokenizer)->bos(), 1);
  EXPECT_TRUE((*tokenizer)->adds_bos());
  EXPECT_EQ((*tokenizer)->encode("a\x80").error().message,
            "text is not valid UTF-8 at byte offset 1 (byte 0x80)");
}

TEST(Llama2cTokenizer, RefusesBrokenFiles) {
  const std::string bytes = llama2c_file();
  const Outcome cut = truncations(parse_bin_file, bytes, 1);
  EXPECT_EQ(cut.tokenizers, 11);  // the file has no count: it may end after any token
  EXPECT_GT(flips(parse_bin_file, bytes, 600).errors, 100);
  EXPECT_EQ(parse_bin_file(bytes.substr(0, 20)).error().message,
            "file: offset 17: token 1: expected a score, a length of at most 7 and as many bytes, "
            "found the end of the file");
}

// ModelProto, written by hand.
std::string field(int number, int wire, const std::string& payload) {
  const int tag = number * 8 + wire;
  std::string out;
  if (tag >= 128) out += static_cast<char>(0x80 | (tag & 127));
  out += static_cast<char>(tag >= 128 ? tag >> 7 : tag);
  if (wire == 2) out += static_cast<char>(payload.size());
  return out + payload;
}
std::string piece(const std::string& text, int type) {
  return field(1, 2,
               field(1, 2, text) + field(2, 5, std::string(4, '\0')) +
                   field(3, 0, std::string(1, static_cast<char>(type))));
}
std::string trainer(int type) {
  return field(2, 2, field(3, 0, std::string(1, static_cast<char>(type))));
}

TEST(SentencePieceModel, ChecksWhatTheEncoderReliesOn) {
  const auto error = [](const std::string& bytes) {
    const auto tokenizer = parse_model_file(bytes);
    return tokenizer ? "no error" : tokenizer.error().message;
  };
  EXPECT_EQ(error(piece("<unk>", 2) + piece("a", 1) + trainer(2)), "no error");
  EXPECT_EQ(error(piece("<unk>", 2) + trainer(1)),
            "file: SentencePiece model type 'unigram' is not supported (expected BPE)");
  EXPECT_EQ(error(piece("a", 1) + trainer(2)), "file: no piece is of type unknown");
  EXPECT_EQ(error(piece("<unk>", 2) + piece("a", 1) + piece("a", 1) + trainer(2)),
            "file: piece 2: 'a' is defined twice");
  EXPECT_EQ(error(piece("a", 9) + trainer(2)),
            "file: piece 0: expected a type from 1 to 6, found 9");
  EXPECT_EQ(error(piece("\xff", 1) + trainer(2)),
            "file: piece 0: expected a text in UTF-8, found '\\xFF'");
  EXPECT_EQ(error(piece("<unk>", 2) + field(2, 2, field(3, 0, "\x02") + field(35, 0, "\x01"))),
            "file: byte_fallback is set, but the byte 0x00 has no piece");
  EXPECT_EQ(error(piece("<unk>", 2)), "file: no trainer_spec, which tells the kind of model");
  EXPECT_EQ(error("IQ== 0\n"),
            "file: expected a SentencePiece model, found a file that begins with byte 0x49");
  EXPECT_EQ(error(""), "file: expected a SentencePiece model, found no pieces");
  EXPECT_EQ(error("\n\x7f"
                  "abc"),
            "file: offset 2: expected 127 bytes, found 3 (truncated?)");
}

}  // namespace
}  // namespace tepui::input

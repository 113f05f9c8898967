// SPDX-License-Identifier: MIT
#include "input/tokenizer_json.h"

#include <gtest/gtest.h>

#include "support/tokenizer_cases.h"

namespace tepui::input {
namespace {

using test::TokenizerCase;

std::unique_ptr<Tokenizer> parse(const std::string& text) {
  auto tokenizer = parse_tokenizer_json(text, "tokenizer.json", {});
  EXPECT_TRUE(tokenizer.has_value()) << (tokenizer ? "" : tokenizer.error().message);
  return tokenizer ? std::move(*tokenizer) : nullptr;
}

std::string error_of(const nlohmann::json& json) {
  const auto tokenizer = parse_tokenizer_json(json.dump(), "tokenizer.json", {});
  return tokenizer ? "no error" : tokenizer.error().message;
}

nlohmann::json with_byte_model() { return {{"model", test::tokenizer_case_model("byte")}}; }

TEST(TokenizerJson, GivesTheIdsOfTheTokenizersLibrary) {
  const auto texts = test::tokenizer_case_texts();
  const auto cases = test::tokenizer_cases();
  ASSERT_GT(cases.size(), 30U);
  for (const TokenizerCase& one : cases) {
    SCOPED_TRACE(one.name);
    const auto tokenizer = parse(one.tokenizer_json);
    ASSERT_NE(tokenizer, nullptr);
    EXPECT_EQ(tokenizer->adds_bos(), one.adds_bos);
    ASSERT_EQ(one.ids.size(), texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto ids = tokenizer->encode(texts[i]);
      ASSERT_TRUE(ids.has_value()) << ids.error().message;
      EXPECT_EQ(*ids, one.ids[i]) << i << ": " << texts[i];
      if (one.exact) {
        EXPECT_EQ(test::decode(*tokenizer, *ids), texts[i]);
      }
    }
  }
}

TEST(TokenizerJson, RefusesByNameWhatItDoesNotSupport) {
  nlohmann::json json = with_byte_model();
  json["normalizer"] = {{"type", "Precompiled"}};
  EXPECT_EQ(error_of(json), "tokenizer.json: normalizer type 'Precompiled' is not supported");
  json = with_byte_model();
  json["pre_tokenizer"] = {{"type", "UnicodeScripts"}};
  EXPECT_EQ(error_of(json), "tokenizer.json: pre_tokenizer type 'UnicodeScripts' is not supported");
  json = with_byte_model();
  json["post_processor"] = {{"type", "BertProcessing"}};
  EXPECT_EQ(error_of(json),
            "tokenizer.json: post_processor type 'BertProcessing' is not supported");
  json = with_byte_model();
  json["model"]["type"] = "Unigram";
  EXPECT_EQ(error_of(json), "tokenizer.json: model type 'Unigram' is not supported (expected BPE)");
  json = with_byte_model();
  json["model"]["continuing_subword_prefix"] = "##";
  EXPECT_EQ(error_of(json), "tokenizer.json: model: 'continuing_subword_prefix' is not supported");
  json = with_byte_model();
  json["pre_tokenizer"] = {
      {"type", "Split"}, {"pattern", {{"Regex", "[a-z&&[^x]]"}}}, {"behavior", "Isolated"}};
  EXPECT_EQ(error_of(json),
            "tokenizer.json: pre_tokenizer: the regex '[a-z&&[^x]]' uses an intersection (&&) in a "
            "character class");
}

TEST(TokenizerJson, NamesWhatIsWrongInTheModel) {
  nlohmann::json json = with_byte_model();
  json["model"]["merges"][3] = "a b c";
  EXPECT_EQ(error_of(json),
            "tokenizer.json: model: merge 3: expected \"a b\" or [\"a\", \"b\"], found \"a b c\"");
  json["model"]["merges"][3] = {"zq", "y"};
  EXPECT_EQ(error_of(json),
            "tokenizer.json: model: merge 3 ('zq' + 'y') needs the token 'zq', which is not in the "
            "vocabulary");
  json = with_byte_model();
  json["model"]["vocab"]["a"] = json["model"]["vocab"]["b"];
  EXPECT_NE(error_of(json).find("belongs to two tokens, 'a' and 'b'"), std::string::npos);
  json["model"]["vocab"]["a"] = 16000000;
  EXPECT_NE(error_of(json).find("far beyond the number of tokens"), std::string::npos);
  json["model"]["vocab"]["a"] = -1;
  EXPECT_NE(error_of(json).find("expected a token id"), std::string::npos);
}

TEST(TokenizerJson, TakesMergesAsStringsAndAsPairs) {
  nlohmann::json json = with_byte_model();
  json["pre_tokenizer"] = {{"type", "ByteLevel"}};
  const auto from_pairs = parse(json.dump());
  for (auto& merge : json["model"]["merges"])
    merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  const auto from_strings = parse(json.dump());
  EXPECT_EQ(from_pairs->encode("the people").value(), from_strings->encode("the people").value());
  EXPECT_EQ(from_pairs->fingerprint(), from_strings->fingerprint());
}

TEST(TokenizerJson, ACharacterWithoutATokenIsAnError) {
  nlohmann::json json = {{"model", test::tokenizer_case_model("character")}};
  json["model"]["byte_fallback"] = false;
  json["model"]["unk_token"] = nullptr;
  const auto ids = parse(json.dump())->encode("\u65e5");
  ASSERT_FALSE(ids.has_value());
  EXPECT_NE(ids.error().message.find("has no token in the vocabulary"), std::string::npos);
}

TEST(TokenizerJson, FingerprintFollowsVocabularyAndRules) {
  nlohmann::json json = with_byte_model();
  const std::string plain = parse(json.dump())->fingerprint();
  EXPECT_EQ(plain.size(), 32U);
  EXPECT_EQ(parse(json.dump(2))->fingerprint(), plain);
  json["normalizer"] = {{"type", "NFC"}};
  const std::string normalized = parse(json.dump())->fingerprint();
  EXPECT_NE(normalized, plain);
  json = with_byte_model();
  json["model"]["merges"].erase(json["model"]["merges"].size() - 1);
  EXPECT_NE(parse(json.dump())->fingerprint(), plain);
}

TEST(TokenizerJson, PieceBytesUndoTheSpelling) {
  nlohmann::json json = with_byte_model();
  const auto unit = [](const Tokenizer& t, const char* text) {
    return t.encode(text).value().at(0);
  };
  json["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
  json["added_tokens"] = {{{"id", 5000}, {"content", "\u0120x"}, {"special", false}}};
  const auto bytes = parse(json.dump());
  EXPECT_EQ(bytes->kind(), "byte-level BPE");
  EXPECT_EQ(bytes->piece(unit(*bytes, " ")), "\u0120");
  EXPECT_EQ(bytes->piece_bytes(unit(*bytes, " ")), " ");
  EXPECT_EQ(bytes->piece_bytes(unit(*bytes, "\u65e5")), "\xe6");
  EXPECT_EQ(bytes->piece_bytes(5000), "\u0120x");  // added tokens are not spelled in bytes
  EXPECT_EQ(bytes->vocabulary_size(), 5001);
  EXPECT_EQ(bytes->piece(4999), "");
  EXPECT_EQ(bytes->piece(-1), "");
  EXPECT_EQ(bytes->piece_bytes(5001), "");
}

}  // namespace
}  // namespace tepui::input

// SPDX-License-Identifier: MIT
// The bundled model's own vectors, through both of its containers.
#include <gtest/gtest.h>

#include "input/tokenizer.h"
#include "support/tokenizer_cases.h"

namespace tepui {
namespace {

// tokenizer.json knows <s>, </s> and <unk> as added tokens, sentencepiece does not.
bool holds_special(const std::string& text) {
  for (const char* name : {"<s>", "</s>", "<unk>"})
    if (text.find(name) != std::string::npos) return true;
  return false;
}

void check_vectors(const std::string& container, bool specials_are_text) {
  const auto folder = test::data_path("demo-model");
  const auto tokenizer = load_tokenizer(folder / container);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  EXPECT_EQ((*tokenizer)->vocabulary_size(), 2048);
  EXPECT_EQ((*tokenizer)->bos(), 1);
  EXPECT_EQ((*tokenizer)->eos(), 2);
  EXPECT_TRUE((*tokenizer)->adds_bos());
  int checked = 0;
  for (const auto& vector : test::load_json(folder / "tokenizer_vectors.json")) {
    const auto text = vector.at("text").get<std::string>();
    if (!specials_are_text && holds_special(text)) continue;
    SCOPED_TRACE(text);
    const auto ids = (*tokenizer)->encode(text);
    ASSERT_TRUE(ids.has_value()) << ids.error().message;
    EXPECT_EQ(*ids, vector.at("ids").get<std::vector<int>>());
    std::vector<std::string> pieces;
    for (const TokenId id : *ids) pieces.push_back((*tokenizer)->piece(id));
    EXPECT_EQ(pieces, vector.at("pieces").get<std::vector<std::string>>());
    if (text.find("\u2581") == std::string::npos && !text.empty()) {
      EXPECT_EQ(test::decode(**tokenizer, *ids), " " + text);
    }
    ++checked;
  }
  EXPECT_GT(checked, 15);
}

TEST(DemoModelTokenizer, SentencePieceVectors) { check_vectors("tokenizer.model", true); }
TEST(DemoModelTokenizer, TokenizerJsonVectors) { check_vectors("tokenizer.json", false); }

TEST(DemoModelTokenizer, BothContainersAgreeOnALongText) {
  const auto folder = test::data_path("demo-model");
  const std::string text = test::load_bytes(folder / "sample.txt");
  const auto from_model = load_tokenizer(folder / "tokenizer.model").value()->encode(text).value();
  const auto from_json = load_tokenizer(folder / "tokenizer.json").value()->encode(text).value();
  EXPECT_EQ(from_model, from_json);
  EXPECT_GT(from_model.size(), 3000U);
}

TEST(DemoModelTokenizer, AFolderReadsTokenizerJsonFirst) {
  const auto folder = test::data_path("demo-model");
  const auto tokenizer = load_tokenizer(folder).value();
  EXPECT_EQ(tokenizer->kind(), "BPE with byte fallback");
  EXPECT_EQ(tokenizer->encode("a <s>").value(), (std::vector<TokenId>{261, 1974, 1}));
  EXPECT_EQ(load_tokenizer(folder / "tokenizer.model").value()->kind(), "SentencePiece BPE");
}

}  // namespace
}  // namespace tepui

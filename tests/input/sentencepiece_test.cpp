// SPDX-License-Identifier: MIT
#include "input/sentencepiece.h"

#include <gtest/gtest.h>

#include "support/tokenizer_cases.h"

namespace tepui::input {
namespace {

TEST(SentencePiece, GivesTheIdsOfTheLibrary) {
  const auto folder = test::data_path("tokenizers");
  const auto file = test::load_json(folder / "sentencepiece_cases.json");
  const auto texts = file.at("texts").get<std::vector<std::string>>();
  ASSERT_EQ(file.at("models").size(), 3U);
  for (const auto& [name, expected] : file.at("models").items()) {
    SCOPED_TRACE(name);
    const auto tokenizer = load_sentencepiece(folder / name, {});
    ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto ids = (*tokenizer)->encode(texts[i]);
      ASSERT_TRUE(ids.has_value()) << ids.error().message;
      EXPECT_EQ(*ids, expected[i].get<std::vector<int>>()) << i << ": " << texts[i];
    }
  }
}

}  // namespace
}  // namespace tepui::input

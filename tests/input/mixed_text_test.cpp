// SPDX-License-Identifier: MIT
// Slices of the mixed text on which tools/compare_tokenizers.py compares 1 MB with the tokenizers
// library, with its ids for every kind.
#include <gtest/gtest.h>

#include <algorithm>

#include "input/tokenizer_json.h"
#include "support/tokenizer_cases.h"

namespace tepui {
namespace {

TEST(MixedText, EveryKindGivesTheIdsOfTheTokenizersLibrary) {
  const auto mixed = test::load_json(test::data_path("tokenizers/mixed_cases.json"));
  const auto texts = mixed["texts"].get<std::vector<std::string>>();
  const auto cases = test::tokenizer_cases();
  ASSERT_GE(texts.size(), 10U);
  EXPECT_GT(mixed["ids"].size(), 40U);
  for (const auto& [name, ids] : mixed["ids"].items()) {
    SCOPED_TRACE(name);
    const auto one = std::ranges::find(cases, name, &test::TokenizerCase::name);
    ASSERT_NE(one, cases.end());
    const auto tokenizer = input::parse_tokenizer_json(one->tokenizer_json, name, {}).value();
    for (std::size_t i = 0; i < texts.size(); ++i)
      EXPECT_EQ(tokenizer->encode(texts[i]).value(), ids[i].get<std::vector<TokenId>>())
          << texts[i];
  }
}

}  // namespace
}  // namespace tepui

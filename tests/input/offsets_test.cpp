// SPDX-License-Identifier: MIT
#include "input/offsets.h"

#include <gtest/gtest.h>

#include "input/sentencepiece.h"
#include "input/tokenizer_json.h"
#include "support/tokenizer_cases.h"

namespace tepui {
namespace {

std::unique_ptr<Tokenizer> tokenizer_named(const std::string& name) {
  for (const test::TokenizerCase& one : test::tokenizer_cases())
    if (one.name == name) return input::parse_tokenizer_json(one.tokenizer_json, name, {}).value();
  ADD_FAILURE() << name;
  return nullptr;
}

// Without a normalizer the ranges cut the text, and each holds its token's bytes.
TEST(Offsets, CutTheTextWhereNothingIsNormalized) {
  int checked = 0;
  for (const test::TokenizerCase& one : test::tokenizer_cases()) {
    if (!one.exact) continue;
    SCOPED_TRACE(one.name);
    const auto tokenizer = input::parse_tokenizer_json(one.tokenizer_json, one.name, {}).value();
    for (const std::string& text : test::tokenizer_case_texts()) {
      const auto ids = tokenizer->encode(text).value();
      const auto ranges = token_offsets(*tokenizer, text, ids);
      ASSERT_EQ(ranges.size(), ids.size());
      std::size_t at = 0;
      for (std::size_t i = 0; i < ids.size(); ++i, ++checked) {
        ASSERT_TRUE(ranges[i]) << text;
        EXPECT_EQ(ranges[i]->begin, at) << text;
        EXPECT_EQ(text.substr(at, ranges[i]->end - at), tokenizer->piece_bytes(ids[i])) << text;
        at = ranges[i]->end;
      }
      EXPECT_EQ(at, text.size());
    }
  }
  EXPECT_GT(checked, 3000);
}

// With one they still ascend, and no token is without.
TEST(Offsets, AscendWhereTheTextIsNormalized) {
  for (const char* name : {"qwen2", "neox", "nfd", "nfkc", "nfkd", "llama2", "gemma",
                           "metaspace_always_split", "metaspace_first_whole", "roberta"}) {
    SCOPED_TRACE(name);
    const auto tokenizer = tokenizer_named(name);
    for (const std::string& text : test::tokenizer_case_texts()) {
      if (text.find("<unk>") != std::string::npos) continue;
      const auto ids = tokenizer->encode(text).value();
      const auto ranges = token_offsets(*tokenizer, text, ids);
      std::size_t begin = 0;
      std::size_t end = 0;
      for (std::size_t i = 0; i < ids.size(); ++i) {
        ASSERT_TRUE(ranges[i]) << text << ": token " << i;
        EXPECT_GE(ranges[i]->begin, begin) << text;
        EXPECT_LE(ranges[i]->begin, end) << text << ": a gap before token " << i;
        begin = ranges[i]->begin;
        end = std::max(end, ranges[i]->end);
      }
      EXPECT_EQ(end, text.size()) << text;
    }
  }
}

std::vector<std::pair<std::size_t, std::size_t>> ranges_of(const Tokenizer& tokenizer,
                                                           const std::string& text) {
  std::vector<std::pair<std::size_t, std::size_t>> all;
  for (const auto& range : token_offsets(tokenizer, text, tokenizer.encode(text).value()))
    all.emplace_back(range ? range->begin : 999, range ? range->end : 999);
  return all;
}

TEST(Offsets, OfComposedCharactersAndAddedSpaces) {
  using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;
  // "e" and U+0301 become one character, whose two bytes are a token each.
  EXPECT_EQ(ranges_of(*tokenizer_named("qwen2"), "e\u0301x"), (Pairs{{0, 3}, {0, 3}, {3, 4}}));
  // The marker before the text stands for no byte of it.
  const Pairs llama = ranges_of(*tokenizer_named("llama2"), "x y");
  ASSERT_FALSE(llama.empty());
  EXPECT_EQ(llama.front().first, 0U);
  EXPECT_EQ(llama.back().second, 3U);
}

// Unknown characters have no bytes of their own; what follows is found again.
TEST(Offsets, BehindAnUnknownToken) {
  const auto tokenizer = tokenizer_named("fused_unknown");
  const std::string text = "the \u65e5\u672c the";
  const auto ids = tokenizer->encode(text).value();
  const auto ranges = token_offsets(*tokenizer, text, ids);
  bool unknown = false;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ASSERT_TRUE(ranges[i]) << i;
    if (tokenizer->piece(ids[i]) != "<unk>") continue;
    unknown = true;
    EXPECT_EQ(text.substr(ranges[i]->begin, ranges[i]->end - ranges[i]->begin), "\u65e5\u672c");
  }
  EXPECT_TRUE(unknown);
  EXPECT_EQ(ranges.back()->end, text.size());
}

}  // namespace
}  // namespace tepui

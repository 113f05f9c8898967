// SPDX-License-Identifier: MIT
// Published vocabularies, where the folder with them lies beside the tree.
#include <gtest/gtest.h>

#include <sstream>

#include "input/tokenizer.h"
#include "support/tokenizer_cases.h"

namespace tepui {
namespace {

namespace fs = std::filesystem;

TEST(PublishedTokenizer, Gpt2Vectors) {
  const auto shared = test::shared_path("data/tokenizers/gpt2");
  if (!shared) GTEST_SKIP() << "no published data";
  const fs::path folder = *shared;
  const auto tokenizer = load_tokenizer(folder).value();
  EXPECT_EQ(tokenizer->vocabulary_size(), 50257);
  const auto texts = test::vector_texts(folder / "ggml-vocab-gpt-2.gguf.inp");
  std::istringstream lines(test::load_bytes(folder / "ggml-vocab-gpt-2.gguf.out"));
  ASSERT_EQ(texts.size(), 47U);
  for (const std::string& text : texts) {
    std::string line;  // the last text is empty, and so is the line that the file does not have
    std::getline(lines, line);
    std::istringstream numbers(line);
    std::vector<TokenId> expected;
    for (TokenId id; numbers >> id;) expected.push_back(id);
    EXPECT_EQ(tokenizer->encode(text).value(), expected) << text;
    EXPECT_EQ(test::decode(*tokenizer, expected), text);
  }
}

TEST(PublishedTokenizer, GptNeoX) {
  const auto shared = test::shared_path("data/tokenizers/gptneox");
  if (!shared) GTEST_SKIP() << "no published data";
  const fs::path folder = *shared;
  const auto tokenizer = load_tokenizer(folder).value();
  EXPECT_EQ(tokenizer->vocabulary_size(), 50277);
  EXPECT_EQ(tokenizer->bos(), 0);
  EXPECT_FALSE(tokenizer->adds_bos());
  const auto ids = [&](const char* text) { return tokenizer->encode(text).value(); };
  using Ids = std::vector<TokenId>;
  EXPECT_EQ(ids("Hello world"), (Ids{12092, 1533}));
  EXPECT_EQ(ids("def f(x):\n        return x\n"),
            (Ids{1545, 269, 9, 89, 2262, 187, 50270, 2309, 1269, 187}));
  EXPECT_EQ(ids("a                              b"), (Ids{66, 50254, 50272, 67}));
  EXPECT_EQ(ids("  \t x"), (Ids{50276, 186, 1269}));
  EXPECT_EQ(ids("cafe\u0301 caf\u00e9"), (Ids{68, 2320, 860, 36241}));
  EXPECT_EQ(ids("\u212bngstr\u00f6m"), (Ids{18221, 1251, 46816}));
  EXPECT_EQ(ids("<|endoftext|>x <|padding|>"), (Ids{0, 89, 209, 1}));
  EXPECT_EQ(ids("\u65e5\u672c\u8a9e 123"), (Ids{49868, 19119, 241, 15567}));
  EXPECT_EQ(ids("I'll don't"), (Ids{42, 1833, 1053, 626}));
}

TEST(PublishedTokenizer, Llama2cStories) {
  const auto shared = test::shared_path("data/stories260K");
  if (!shared) GTEST_SKIP() << "no published data";
  const fs::path folder = *shared;
  const auto tokenizer = load_tokenizer(folder / "tok512.bin").value();
  EXPECT_EQ(tokenizer->vocabulary_size(), 512);
  EXPECT_EQ(tokenizer->bos(), 1);
  EXPECT_TRUE(tokenizer->adds_bos());
  std::istringstream numbers(test::load_bytes(folder / "golden_greedy_ids.txt"));
  std::vector<TokenId> story;
  for (TokenId id; numbers >> id;)
    if (id != 1) story.push_back(id);
  ASSERT_GT(story.size(), 200U);
  const std::string text = test::decode(*tokenizer, story);
  EXPECT_TRUE(text.starts_with(" Once upon a time, there was a little girl named Lily.")) << text;
  EXPECT_EQ(tokenizer->encode(text.substr(1)).value(), story);
}

}  // namespace
}  // namespace tepui

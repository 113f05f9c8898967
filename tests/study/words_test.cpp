// SPDX-License-Identifier: MIT
// Classes of words by rule and by CoNLL-U, and intervals over sequences.
#include <gtest/gtest.h>

#include <cmath>

#include "study/bootstrap.h"
#include "study/conllu.h"
#include "study/function_words.h"
#include "study/word_class.h"
#include "support/paths.h"

namespace tepui {
namespace {

std::vector<std::string> names(const std::vector<WordClass>& classes) {
  std::vector<std::string> out;
  for (const WordClass one : classes) out.emplace_back(word_class_name(one));
  return out;
}

using Words = std::vector<std::string>;

Words classes(const Words& tokens) { return names(classify_words(tokens)); }

TEST(WordClass, OfWholeWordsAndTheirParts) {
  EXPECT_EQ(classes({" The", " sun", "rise", " was", " late", "."}),
            (Words{"function word", "content word", "content word", "function word", "content word",
                   "sentence boundary"}));
  // "there" in two tokens is one function word; "isn't" and "he's" are function words, "dog's" not.
  EXPECT_EQ(
      classes({" the", "re", " isn", "'", "t", " he", "'s", " dog", "'s"}),
      (Words{"function word", "function word", "function word", "function word", "function word",
             "function word", "function word", "content word", "content word"}));
  EXPECT_EQ(classes({"don\u2019t"}), (Words{"function word"}));
}

TEST(WordClass, NumbersAndMarks) {
  EXPECT_EQ(classes({" 1", ",", "000", ".", "5", ",", " 3rd", " ", "\n", "\n\n", "--", "?\"", ";"}),
            (Words{"number", "number", "number", "number", "number", "delimiter", "content word",
                   "white space", "delimiter", "sentence boundary", "punctuation",
                   "sentence boundary", "delimiter"}));
}

TEST(WordClass, BytesThatAreNoText) {
  // e with acute in two tokens, a lone byte, an empty token.
  EXPECT_EQ(classes({" caf\xC3", "\xA9", "\xFF", ""}),
            (Words{"content word", "content word", "punctuation", "punctuation"}));
}

TEST(FunctionWords, AreFound) {
  EXPECT_TRUE(is_function_word("a"));
  EXPECT_TRUE(is_function_word("yourselves"));
  EXPECT_FALSE(is_function_word("sun"));
  EXPECT_FALSE(is_function_word(""));
}

const char* const kConllu =
    "# text = The dogs won't eat: 3, no?\n"
    "1\tThe\tthe\tDET\t_\t_\t2\tdet\t_\t_\n"
    "2\tdogs\tdog\tNOUN\t_\t_\t5\tnsubj\t_\t_\n"
    "3-4\twon't\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "3\two\twill\tAUX\t_\t_\t5\taux\t_\t_\n"
    "4\tn't\tnot\tPART\t_\t_\t5\tadvmod\t_\t_\n"
    "4.1\tghost\tghost\tNOUN\t_\t_\t_\t_\t_\t_\n"
    "5\teat\teat\tVERB\t_\t_\t0\troot\t_\t_\n"
    "6\t:\t:\tPUNCT\t_\t_\t5\tpunct\t_\t_\n"
    "7\t3\t3\tNUM\t_\t_\t5\tobj\t_\t_\n"
    "8\t,\t,\tPUNCT\t_\t_\t5\tpunct\t_\t_\n"
    "9\tno\tno\tINTJ\t_\t_\t5\tdiscourse\t_\t_\n"
    "10\t?\t?\tPUNCT\t_\t_\t5\tpunct\t_\t_\n"
    "\n"
    "1\tYes\tyes\tINTJ\t_\t_\t0\troot\t_\t_\n"
    "\n";

class Conllu : public testing::Test {
 protected:
  std::string align(const std::string& content, const Words& tokens) {
    test::write_file(file_, content);
    const auto words = read_conllu(file_);
    if (!words) return words.error().message;
    const auto classes = align_words(*words, tokens, file_);
    if (!classes) return classes.error().message;
    std::string out;
    for (const std::string& name : names(*classes)) out += (out.empty() ? "" : ", ") + name;
    return out;
  }
  test::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "a.conllu";
};

TEST_F(Conllu, TokensTakeTheTagsOfTheirWords) {
  EXPECT_EQ(align(kConllu,
                  {"", "The", " dog", "s", " won", "'t", " eat", ":", " 3", ",", " no", "?", "\n"}),
            "white space, function word, content word, content word, function word, function word, "
            "content word, delimiter, number, delimiter, content word, sentence boundary, white "
            "space");
}

TEST_F(Conllu, SaysWhereItFails) {
  const auto has = [](const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  has(align(kConllu, {"The", " cats"}),
      "line 3: expected the word that follows in the text, at "
      "token 1 (\" cats\"), found \"dogs\"");
  has(align("1\tA\ta\tDET\t_\t_\t0\troot\t_\t_\n", {"A", " B"}), "the words end before the text");
  has(align("1\tA\n", {}), "line 1: expected 10 columns separated by tabs, found 2");
  has(align("x\tA\ta\tDET\t_\t_\t0\troot\t_\t_\n", {}), "line 1: expected a word's ID and FORM");
  has(align("# nothing\n", {}), "expected words in CoNLL-U, found none");
}

TEST(Bootstrap, IsTheRatioOfSums) {
  const std::vector<double> sums = {1, 2, 3, 4};
  const std::vector<double> counts = {1, 1, 2, 2};
  const Interval found = bootstrap_ratio(sums, counts, {});
  EXPECT_DOUBLE_EQ(found.mean, 10.0 / 6);
  EXPECT_LT(found.low, found.mean);
  EXPECT_GT(found.high, found.mean);
  EXPECT_GE(found.low, 1);
  EXPECT_LE(found.high, 2);
  const Interval again = bootstrap_ratio(sums, counts, {});
  EXPECT_EQ(found.low, again.low);
  EXPECT_NE(bootstrap_ratio(sums, counts, {1000, 2}).low, 0);
  const Interval constant =
      bootstrap_ratio(std::vector<double>{2, 4}, std::vector<double>{1, 2}, {});
  EXPECT_EQ(constant.low, 2);
  EXPECT_EQ(constant.high, 2);
  const Interval single =
      bootstrap_ratio(std::vector<double>{3, 0, 0}, std::vector<double>{2, 0, 0}, {});
  EXPECT_EQ(single.mean, 1.5);
  EXPECT_TRUE(std::isnan(single.low) && std::isnan(single.high));
  EXPECT_TRUE(std::isnan(bootstrap_ratio(std::vector<double>{0}, std::vector<double>{0}, {}).mean));
}

// Of means of n draws from {0, 1} the interval is about 2 sqrt(p (1 - p) / n) to each side.
TEST(Bootstrap, IsAboutAsWideAsItShouldBe) {
  std::vector<double> sums;
  for (int i = 0; i < 400; ++i) sums.push_back(i % 2);
  const std::vector<double> counts(400, 1);
  const Interval found = bootstrap_ratio(sums, counts, {2000, 3});
  EXPECT_NEAR(found.high - found.low, 2 * 1.96 * 0.5 / 20, 0.01);
}

}  // namespace
}  // namespace tepui

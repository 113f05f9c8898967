// SPDX-License-Identifier: MIT
#include "study/wording.h"

#include <gtest/gtest.h>

namespace tepui {
namespace {

TEST(Wording, NumbersHaveNoFalsePrecision) {
  EXPECT_EQ(rounded(0), "0");
  EXPECT_EQ(rounded(-0.0), "0");
  EXPECT_EQ(rounded(1.4064), "1.41");
  EXPECT_EQ(rounded(9.996), "10.0");
  EXPECT_EQ(rounded(47.357), "47.4");
  EXPECT_EQ(rounded(99.96), "100");
  EXPECT_EQ(rounded(-2811.319), "-2811");
  EXPECT_EQ(rounded(781234), "7.81e+05");
  EXPECT_EQ(rounded(0.00123), "1.23e-03");
}

TEST(Wording, ListsAndPlurals) {
  EXPECT_EQ(ranges({4}), "4");
  EXPECT_EQ(ranges({1, 2}), "1 and 2");
  EXPECT_EQ(ranges({1, 2, 3, 5, 7, 8}), "1 to 3, 5, 7 and 8");
  EXPECT_EQ(counted(1, "sequence"), "1 sequence");
  EXPECT_EQ(counted(2, "sequence"), "2 sequences");
}

TEST(Wording, TokensShowWhatIsInvisible) {
  EXPECT_EQ(quoted("<script>", Letters::unicode), "\"<script>\"");
  EXPECT_EQ(quoted("a\"b\\c", Letters::unicode), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(quoted("\n\t\x01\x7f", Letters::unicode), "\"\\n\\t\\u{1}\\u{7F}\"");
  EXPECT_EQ(quoted("\u202eabc\u2066", Letters::unicode), "\"\\u{202E}abc\\u{2066}\"");
  EXPECT_EQ(quoted("\u200b\u00a0\u2028", Letters::unicode), "\"\\u{200B}\\u{A0}\\u{2028}\"");
  EXPECT_EQ(quoted("\xF0\x9F\x98", Letters::unicode), "\"\\xF0\\x9F\\x98\"");
  EXPECT_EQ(quoted("\u0301e\u0301", Letters::unicode), "\"\\u{301}e\u0301\"");
  EXPECT_EQ(quoted("\U0001F600\u4e2d", Letters::unicode), "\"\U0001F600\u4e2d\"");
  EXPECT_EQ(quoted("\U0001F600\u4e2d", Letters::ascii), "\"\\u{1F600}\\u{4E2D}\"");
  EXPECT_EQ(display_width("\U0001F600\u4e2de\u0301"), 5);
}

TEST(Wording, LongTokensAreCutToTheWidth) {
  EXPECT_EQ(quoted("abcdef", Letters::unicode, 8), "\"abcdef\"");
  EXPECT_EQ(quoted("abcdefg", Letters::unicode, 8), "\"abcde\u2026\"");
  EXPECT_EQ(quoted("abcdefg", Letters::ascii, 8), "\"abc...\"");
  EXPECT_EQ(quoted("\u4e2d\u4e2d\u4e2d\u4e2d", Letters::unicode, 8), "\"\u4e2d\u4e2d\u2026\"");
  for (int columns = 4; columns < 30; ++columns)
    EXPECT_LE(display_width(quoted("\u4e2d\u202e\n<\xff\U0001F600 abc", Letters::unicode, columns)),
              columns);
}

TEST(Wording, TextIsWrappedAtBlanks) {
  EXPECT_EQ(wrapped("one two three\nfour", 8), "one two\nthree\nfour");
  EXPECT_EQ(wrapped("unbreakable x\n", 5), "unbreakable\nx\n");
  EXPECT_EQ(wrapped("", 5), "");
}

}  // namespace
}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "input/oniguruma.h"

#include <gtest/gtest.h>

#include "input/regex.h"

namespace tepui::input {
namespace {

std::vector<std::string> matches(const std::string& pattern, const std::string& text) {
  const auto regex = Regex::compile(pattern, "test");
  EXPECT_TRUE(regex.has_value()) << (regex ? "" : regex.error().message);
  std::vector<Match> found;
  EXPECT_TRUE(regex->find_all(text, found).has_value());
  std::vector<std::string> parts;
  for (const Match& match : found)
    parts.push_back(text.substr(match.begin, match.end - match.begin));
  return parts;
}

std::string error_of(const std::string& pattern) {
  const auto regex = Regex::compile(pattern, "f.json");
  return regex ? "no error" : regex.error().message;
}

using Parts = std::vector<std::string>;

TEST(Oniguruma, NestedClassesAreUnions) {
  EXPECT_EQ(matches("[^(\\s|[.,])]+", "a b(c.d)"), (Parts{"a", "b", "c", "d"}));
  EXPECT_EQ(matches("[a[b-]]+", "ab-c"), (Parts{"ab-"}));
  EXPECT_EQ(matches("[]a]+", "x]a]"), (Parts{"]a]"}));
}

TEST(Oniguruma, WhiteSpaceAndWordsAreUnicodes) {
  EXPECT_EQ(matches("\\s", " \u00a0\u0085\u180e\u3000"),
            (Parts{" ", "\u00a0", "\u0085", "\u3000"}));
  EXPECT_EQ(matches("[\\s\\S]+", "a\u180e b"), (Parts{"a\u180e b"}));
  EXPECT_EQ(matches("\\w+", "na\u0308\u00efve_x \u24b6 \u00bd"),
            (Parts{"na\u0308\u00efve_x", "\u24b6", "\u00bd"}));
  EXPECT_EQ(matches("\\w+", "a\u200d\u00bdx"), (Parts{"a", "\u00bdx"}));
  EXPECT_EQ(matches("[[:punct:]]", "a+.\u20ac"), (Parts{"+", ".", "\u20ac"}));
  EXPECT_EQ(matches("\\h+", "xBEEFy"), (Parts{"BEEF"}));
}

TEST(Oniguruma, AnchorsStandAtEveryLine) {
  EXPECT_EQ(matches("\\s+$", "a  \nb "), (Parts{"  ", " "}));
  EXPECT_EQ(matches("^.", "ab\ncd"), (Parts{"a", "c"}));
}

TEST(Oniguruma, RefusesWhatHasNoEqual) {
  EXPECT_EQ(error_of("[a&&b]"),
            "f.json: the regex '[a&&b]' uses an intersection (&&) in a character class");
  EXPECT_NE(error_of("[a[^b]]").find("a negated class inside"), std::string::npos);
  EXPECT_NE(error_of("a{1,3}+").find("not possessive"), std::string::npos);
  EXPECT_NE(error_of("[[:alpha:]]").find("POSIX class [:alpha:]"), std::string::npos);
  EXPECT_NE(error_of("[abc").find("does not end"), std::string::npos);
  EXPECT_NE(error_of("(a").find("does not compile"), std::string::npos);
  EXPECT_NE(error_of("a\\").find("does not compile"), std::string::npos);
}

TEST(Regex, EmptyMatchesStandNotBehindAnother) {
  EXPECT_EQ(matches("a*", "baab"), (Parts{"", "aa", ""}));
  EXPECT_EQ(matches("x*", "\u65e5"), (Parts{"", ""}));
}

TEST(Regex, ALongRunNeedsNoStack) {
  const std::string run(1 << 18, 'a');
  EXPECT_EQ(matches("(?:a|b)+", run).size(), 1U);
  EXPECT_EQ(matches("\\s+(?!\\S)|\\s+", std::string(1 << 20, ' ') + "x").size(), 2U);
}

}  // namespace
}  // namespace tepui::input

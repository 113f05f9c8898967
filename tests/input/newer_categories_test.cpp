// SPDX-License-Identifier: MIT
#include "input/newer_categories.h"

#include <gtest/gtest.h>

#include "input/regex.h"

namespace tepui::input {
namespace {

TEST(NewerCategories, StandInsKeepEveryOffset) {
  EXPECT_EQ(with_stand_ins("plain, caf\u00e9 \u65e5\u672c \U0001f600"), "");
  const std::string text = "x\U0001f6dcy\u1c89z\U00031350";
  const std::string changed = with_stand_ins(text);
  EXPECT_EQ(changed, "x\U0001f300y\u10a0z\U00020000");
  EXPECT_EQ(changed.size(), text.size());
}

// U+1F6DC is a symbol since Unicode 15, U+31350 a letter, U+1C89 an upper case one since 16.
TEST(NewerCategories, RegexesSeeTheirCategories) {
  const auto matches = [](const char* pattern, const std::string& text) {
    std::vector<Match> found;
    EXPECT_TRUE(Regex::compile(pattern, "test").value().find_all(text, found));
    return found.size();
  };
  const std::string text = "\U0001f6dc \U00031350 \u1c89";
  EXPECT_EQ(matches(R"(\p{S})", text), 1U);
  EXPECT_EQ(matches(R"(\p{L})", text), 2U);
  EXPECT_EQ(matches(R"(\p{Lu})", text), 1U);
  EXPECT_EQ(matches(R"([^\s\p{L}\p{N}\p{S}])", text), 0U);
}

}  // namespace
}  // namespace tepui::input

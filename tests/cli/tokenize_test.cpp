// SPDX-License-Identifier: MIT
// tepui tokenize: ids, pieces and places as a table and as JSON.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/cli_inputs.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui {
namespace {

using nlohmann::json;
using test::kDemo;
using test::run_tepui;

TEST(Tokenize, TableShowsIdsPiecesAndBytes) {
  const auto result = run_tepui({"tokenize", kDemo, "--prompt", "Summer is warm."});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out.find("  token      id  bytes           piece\n"), 0U) << result.out;
  EXPECT_NE(result.out.find("      0       1                  \"<s>\"  BOS\n"), std::string::npos)
      << result.out;
  EXPECT_NE(result.out.find("14-15           \".\"\n"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("BOS included, of 15 bytes; "), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("BOS \"<s>\" (1) before every text"), std::string::npos) << result.out;
}

TEST(Tokenize, JsonHoldsTheSame) {
  const auto result =
      run_tepui({"tokenize", kDemo, "--prompt", "a \u00e9\n", "--bos", "no", "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json document = json::parse(result.out);
  EXPECT_EQ(document["bytes"], 5);
  EXPECT_EQ(document["bos"], 1);
  EXPECT_EQ(document["adds_bos"], true);
  std::size_t at = 0;
  for (const json& token : document["tokens"]) {
    EXPECT_LE(token["begin"], at);
    EXPECT_GE(token["end"], token["begin"]);
    at = token["end"];
  }
  EXPECT_EQ(at, 5U);
}

TEST(Tokenize, TextsComeFromFilesAndTokenizersStandAlone) {
  const test::TemporaryFolder folder;
  test::write_file(folder.path() / "text", "one two");
  const std::string file = (folder.path() / "text").string();
  const auto whole = run_tepui({"tokenize", kDemo, "--text", file, "--json"});
  const auto alone = run_tepui({"tokenize", kDemo + "/tokenizer.json", "--text", file, "--json"});
  ASSERT_EQ(whole.code, 0) << whole.err;
  EXPECT_EQ(alone.out, whole.out);
}

TEST(Tokenize, RefusesWhatItCannotDo) {
  const auto none = run_tepui({"tokenize", kDemo});
  EXPECT_EQ(none.code, 2);
  EXPECT_NE(none.err.find("expected one of --text FILE and --prompt STRING, found none"),
            std::string::npos);
  const test::TemporaryFolder folder;
  test::write_file(folder.path() / "text", "one \xff two");
  const std::string file = (folder.path() / "text").string();
  const auto malformed = run_tepui({"tokenize", kDemo, "--text", file});
  EXPECT_EQ(malformed.code, 1);
  EXPECT_EQ(malformed.out, "");
  EXPECT_EQ(malformed.err.find("tepui: " + file + ": "), 0U) << malformed.err;
  EXPECT_NE(malformed.err.find('4'), std::string::npos) << malformed.err;
  const auto no_model = run_tepui({"tokenize", file, "--prompt", "x"});
  EXPECT_EQ(no_model.code, 1);
  EXPECT_NE(no_model.err.find("expected a tokenizer"), std::string::npos) << no_model.err;
}

}  // namespace
}  // namespace tepui

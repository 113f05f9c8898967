// SPDX-License-Identifier: MIT
// What commands that run a model over a text have in common: what they say of options that do
// nothing, of texts that they do not reach and of edits that select nothing, plans as documents,
// and Ctrl-C.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "base/mapped_file.h"
#include "store/reader.h"
#include "support/cli_inputs.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui {
namespace {

using nlohmann::json;
using test::kDemo;
using test::kSample;
using test::kTiny;
using test::ProgramResult;
using test::TemporaryFolder;

class RunOptions : public testing::Test {
 protected:
  ProgramResult run(std::vector<std::string> arguments) {
    return test::run_program({std::move(arguments), folder_.path(), {}, 0, ""});
  }
  ProgramResult good(std::vector<std::string> arguments) {
    const ProgramResult result = run(std::move(arguments));
    EXPECT_EQ(result.code, 0) << result.err;
    return result;
  }
  TemporaryFolder folder_;
};

TEST_F(RunOptions, OptionsWithoutEffectAreSaidSo) {
  test::write_file(folder_.path() / "ids.json", "[[1, 2, 3]]");
  const ProgramResult result =
      good({"scan", kDemo, "--ids", "ids.json", "--context", "9", "--bos", "yes"});
  EXPECT_EQ(test::line_count(result.err), 2U) << result.err;
  EXPECT_NE(result.err.find("--context has no effect"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("--bos has no effect"), std::string::npos) << result.err;
  const std::vector<std::string> idle = {"--stride",         "2",  "--chunks",    "1",
                                         "--joiner",         "x",  "--documents", "lines",
                                         "--special-tokens", "yes"};
  for (const std::vector<std::string>& input :
       {std::vector<std::string>{"--ids", "ids.json"}, {"--prompt", "Once upon"}}) {
    std::vector<std::string> command = {"perplexity", kDemo};
    command.insert(command.end(), input.begin(), input.end());
    command.insert(command.end(), idle.begin(), idle.end());
    const ProgramResult said = good(command);
    EXPECT_EQ(test::line_count(said.err), 5U) << said.err;
    for (std::size_t i = 0; i < idle.size(); i += 2)
      EXPECT_NE(said.err.find(idle[i] + " has no effect without --text"), std::string::npos)
          << said.err;
  }
}

TEST_F(RunOptions, TextsThatAreNotReachedAreNamed) {
  const std::string sample = read_file(kSample).value();
  for (const char* name : {"a.txt", "b.txt", "c.txt"})
    test::write_file(folder_.path() / name, sample);
  const auto said = [&](const char* command, const char* sequences) {
    return good({command, kDemo, "--text", "a.txt", "--text", "b.txt", "--text", "c.txt",
                 "--context", "16", "--sequences", sequences})
        .err;
  };
  EXPECT_EQ(said("scan", "2"),
            "tepui: note: --sequences 2 ends before b.txt and c.txt, of which nothing is run\n");
  EXPECT_EQ(said("perplexity", "2"),
            "tepui: note: --sequences 2 ends before b.txt and c.txt, of which nothing is run; "
            "--chunks N takes as many pieces of each text\n");
  for (const char* command : {"scan", "perplexity", "intervene", "attention", "origin"}) {
    const std::string plan = good({command, kDemo, "--text", "a.txt", "--text", "b.txt",
                                   "--context", "16", "--sequences", "2", "--dry-run"})
                                 .err;
    EXPECT_NE(plan.find("note: --sequences 2 ends before b.txt, of which nothing is run"),
              std::string::npos)
        << command << ": " << plan;
  }
}

TEST_F(RunOptions, APlanIsOneDocumentWithJson) {
  for (const char* command : {"scan", "perplexity", "intervene"}) {
    SCOPED_TRACE(command);
    const ProgramResult result =
        good({command, kDemo, "--text", kSample, "--sequences", "3", "--dry-run", "--json"});
    const json plan = json::parse(result.out, nullptr, false);
    ASSERT_TRUE(plan.is_object()) << result.out;
    EXPECT_EQ(plan["sequences"], 3);
    EXPECT_EQ(plan["tokens"], 3 * 256);
    EXPECT_GT(plan["block_runs"], 0);
    EXPECT_GT(plan["seconds"]["total"], 0);
    EXPECT_EQ(plan.contains("calibration"), std::string(command) == "intervene");
  }
  const json calibrated = json::parse(
      good({"intervene", kDemo, "--text", kSample, "--sequences", "3", "--dry-run", "--json"}).out);
  EXPECT_EQ(calibrated["calibration"]["sequences"], 3);
}

// The reference backend takes its time, and a wave of one sequence stores each when it is done; a
// quarter of the bar is behind some of them.
TEST_F(RunOptions, CtrlCSaysWhatIsKept) {
  const std::string shown =
      test::type_into({TEPUI_PROGRAM, "scan", kDemo, "--text", kSample, "--backend", "reference",
                       "--wave", "256", "--out", "out"},
                      {}, folder_.path(), "[##########", "\x03");
  const std::regex said(
      "\r\ntepui: interrupted: ([0-9]+) of 20 sequences are stored in out; the same command goes "
      "on\r\n$");
  std::smatch found;
  ASSERT_TRUE(std::regex_search(shown, found, said)) << shown;
  auto store = StoreReader::open(folder_.path() / "out");
  ASSERT_TRUE(store) << store.error().message;
  const auto finished = store->finished();
  ASSERT_TRUE(finished) << finished.error().message;
  EXPECT_GE(finished->size(), std::stoul(found[1].str()));  // one may have come since
  EXPECT_GE(std::stoul(found[1].str()), 4U);
}

// Its changes would all be 0, as if it did no harm.
TEST_F(RunOptions, AnEditBehindEverySequenceIsRefused) {
  test::write_file(folder_.path() / "ids.json", "[[1, 2, 3, 4], [5, 6, 7]]");
  const auto refused = [&](std::vector<std::string> command, const std::string& position,
                           const std::string& expected) {
    command.insert(command.end(), {kTiny, "--ids", "ids.json", "--edit",
                                   fmt::format("resid_post.0:{}:1=zero", position)});
    const ProgramResult result = run(command);
    EXPECT_EQ(result.code, 2) << result.err;
    const std::string message = fmt::format(
        "tepui: resid_post.0:{}:1=zero: expected a position that some sequence has, {}: "
        "nothing would be edited\n",
        position, expected);
    EXPECT_NE(result.err.find(message), std::string::npos) << result.err;
  };
  refused({"intervene"}, "4", "0 to 3, found 4");
  refused({"capture", "--out", "acts"}, "8-9,5", "0 to 3, found 5");
  // A text that is written gets positions behind its prompt; its last token is not computed.
  refused({"generate", "--max-tokens", "2"}, "5", "0 to 4, found 5");
  good({"generate", kTiny, "--ids", "ids.json", "--max-tokens", "2", "--edit",
        "resid_post.0:4:1=zero"});
}

}  // namespace
}  // namespace tepui

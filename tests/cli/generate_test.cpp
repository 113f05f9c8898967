// SPDX-License-Identifier: MIT
// Texts as a user has them written, held to transformers' own continuation of the bundled model.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "backend/registry.h"
#include "base/mapped_file.h"
#include "support/cli_inputs.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui {
namespace {

using nlohmann::json;
using test::data_path;
using test::kDemo;
using test::kTiny;
using test::ProgramResult;
using test::TemporaryFolder;
using test::write_file;

const char* const kZero = "resid_post.1-6:0:36,119=zero";

class Generate : public testing::Test {
 protected:
  ProgramResult run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "generate");
    return test::run_program({std::move(arguments), folder_.path(), {}, 0, ""});
  }
  json document(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    const ProgramResult result = run(std::move(arguments));
    EXPECT_EQ(result.code, 0) << result.err;
    return json::parse(result.out, nullptr, false);
  }
  std::string error(std::vector<std::string> arguments, int code) {
    const ProgramResult result = run(std::move(arguments));
    EXPECT_EQ(result.code, code) << result.err;
    EXPECT_EQ(test::line_count(result.err), 1U) << result.err;
    return result.err;
  }
  TemporaryFolder folder_;
};

TEST_F(Generate, IsWhatTransformersWrites) {
  const json golden = json::parse(read_file(data_path("generation/demo-greedy.json")).value());
  json prompts = json::array();
  for (const json& one : golden["cases"]) prompts.push_back(one["prompt_ids"]);
  write_file(folder_.path() / "prompts.json", prompts.dump());
  const std::string most = std::to_string(golden["max_tokens"].get<int>());
  const json found =
      document({kDemo, "--ids", "prompts.json", "--max-tokens", most, "--backend", "cpu"});
  ASSERT_EQ(found["sequences"].size(), golden["cases"].size());
  for (std::size_t i = 0; i < golden["cases"].size(); ++i) {
    ASSERT_GT(golden["cases"][i]["margin"].get<double>(), 1e-3);
    EXPECT_EQ(found["sequences"][i]["ids"], golden["cases"][i]["ids"]);
  }
  const json one = document({kDemo, "--prompt", golden["cases"][0]["prompt"].get<std::string>(),
                             "--max-tokens", most, "--backend", "cpu"});
  EXPECT_EQ(one["ids"], golden["cases"][0]["ids"]);
  EXPECT_EQ(one["prompt_ids"], golden["cases"][0]["prompt_ids"]);
  EXPECT_EQ(one["tokens"], one["ids"].size());
  EXPECT_NEAR(one["perplexity"].get<double>(),
              std::exp(one["nll"].get<double>() / one["tokens"].get<double>()), 1e-9);
  EXPECT_EQ(one["text"].get<std::string>(), found["sequences"][0]["text"]);
}

TEST_F(Generate, EditsGoIntoBranches) {
  const json found =
      document({kDemo, "--prompt", "The king", "--max-tokens", "12", "--edit", kZero, "--branch",
                "nothing=resid_post.1:id:2:all=zero", "--backend", "cpu"});
  ASSERT_EQ(found["branches"].size(), 2U);
  EXPECT_EQ(found["branches"][0]["name"], kZero);
  EXPECT_EQ(found["branches"][1]["name"], "nothing");
  EXPECT_EQ(found["branches"][1]["ids"], found["ids"]);
  EXPECT_EQ(found["branches"][1]["text"], found["text"]);
  EXPECT_EQ(found["branches"][1]["nll"], found["nll"]);
  EXPECT_TRUE(found["branches"][1]["parts_at"].is_null());
  const json& zeroed = found["branches"][0];
  EXPECT_NE(zeroed["nll"], found["nll"]);
  ASSERT_TRUE(zeroed["parts_at"].is_number());
  const auto apart = zeroed["parts_at"].get<std::size_t>();
  for (std::size_t i = 0; i < apart; ++i) EXPECT_EQ(zeroed["ids"][i], found["ids"][i]);
  EXPECT_NE(zeroed["ids"][apart], found["ids"][apart]);
}

// Of what a text came to have, the last token does not pass through the model.
TEST_F(Generate, EditsOfTokensThatNoTextHasAreNoted) {
  const json plain = document({kDemo, "--prompt", "The king", "--max-tokens", "12"});
  const auto ids = plain["ids"].get<std::vector<int>>();
  const auto said = [&](int id) {
    return run({kDemo, "--prompt", "The king", "--max-tokens", "12", "--edit",
                fmt::format("resid_post.1:id:{}:all=scale:1", id)})
        .err;
  };
  EXPECT_EQ(said(ids[3]), "");
  const std::string nowhere = said(2);
  EXPECT_NE(nowhere.find("note: resid_post.1:id:2:all=scale:1: no sequence has id:2 (positions"),
            std::string::npos)
      << nowhere;
  EXPECT_NE(nowhere.find("nothing is edited"), std::string::npos) << nowhere;
}

TEST_F(Generate, SeedsAreRepeatable) {
  const std::vector<std::string> drawn = {kDemo,  "--prompt", "The king", "--max-tokens",
                                          "16",   "--top-k",  "50",       "--top-p",
                                          "0.95", "--seed"};
  const auto with = [&](const std::string& seed, const std::string& threads) {
    std::vector<std::string> arguments = drawn;
    arguments.insert(arguments.end(), {seed, "--threads", threads, "--backend", "cpu"});
    return document(arguments);
  };
  const json first = with("3", "1");
  EXPECT_EQ(first["ids"], with("3", "2")["ids"]);
  EXPECT_NE(first["ids"], with("4", "1")["ids"]);
  EXPECT_EQ(first["generation"]["temperature"], 1);
  EXPECT_EQ(first["ids"], with("003", "1")["ids"]);
  for (const char* wrong : {"-1", "99999999999999999999", "0x10", "1.5"}) {
    std::vector<std::string> arguments = drawn;
    arguments.emplace_back(wrong);
    const ProgramResult refused = run(arguments);
    EXPECT_EQ(refused.code, 2);
    EXPECT_NE(refused.err.find("expected a whole number from 0 to 18446744073709551615"),
              std::string::npos)
        << refused.err;
  }
}

TEST_F(Generate, PiecesOfATextLeaveRoomForWhatIsWritten) {
  const json found = document({kDemo, "--text", test::kSample, "--sequences", "1", "--max-tokens",
                               "16", "--backend", "cpu"});
  EXPECT_EQ(found["tokens"], 16);
}

TEST_F(Generate, ShowsTextsSideBySide) {
  const ProgramResult result = run(
      {kDemo, "--prompt", "The king", "--max-tokens", "8", "--edit", kZero, "--backend", "cpu"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.out.find("unedited"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("parts at"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("rep-4"), std::string::npos) << result.out;
}

TEST_F(Generate, OnVulkan) {
  if (std::ranges::count(backend_names(), "vulkan") == 0) GTEST_SKIP() << "no Vulkan device";
  write_file(folder_.path() / "ids.json", "[[3, 4, 5], [9]]");
  const auto on = [&](const std::string& backend) {
    return document({kTiny, "--ids", "ids.json", "--max-tokens", "3", "--edit",
                     "resid_post.0:all:all=zero", "--backend", backend});
  };
  const json vulkan = on("vulkan");
  const json cpu = on("cpu");
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(vulkan["sequences"][i]["ids"], cpu["sequences"][i]["ids"]);
    EXPECT_EQ(vulkan["sequences"][i]["branches"][0]["ids"],
              cpu["sequences"][i]["branches"][0]["ids"]);
  }
}

TEST_F(Generate, RefusesWhatItCannotDo) {
  EXPECT_NE(error({kDemo}, 2).find("--prompt"), std::string::npos);
  EXPECT_NE(error({kDemo, "--prompt", "a", "--top-p", "2"}, 2)
                .find("--top-p: expected a number above 0, at most 1, found '2'"),
            std::string::npos);
  EXPECT_NE(error({kDemo, "--prompt", "a", "--temperature", "-1"}, 2).find("--temperature"),
            std::string::npos);
  EXPECT_NE(error({kDemo, "--prompt", "a", "--edit", "resid_post.99:all:all=zero"}, 2)
                .find("character 12"),
            std::string::npos);
}

}  // namespace
}  // namespace tepui

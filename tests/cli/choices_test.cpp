// SPDX-License-Identifier: MIT
// Multiple-choice tasks as a user runs them.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/mapped_file.h"
#include "support/cli_inputs.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui {
namespace {

using nlohmann::json;
using test::data_path;
using test::kDemo;
using test::ProgramResult;
using test::TemporaryFolder;
using test::write_file;

const char* const kTasks =
    R"({"context": "The king of", "choices": [" England", " because", " the the"], "answer": 0}
{"context": "He said that he would", "choices": [" be", " is"], "answer": 0}

{"context": ["The man was", "The sea was"], "choices": [" in the house.", " in the house."], "answer": 1}
)";

class Choices : public testing::Test {
 protected:
  void SetUp() override { write_file(folder_.path() / "few.jsonl", kTasks); }
  ProgramResult run(std::vector<std::string> arguments) {
    return test::run_program({std::move(arguments), folder_.path(), {}, 0, ""});
  }
  ProgramResult good(std::vector<std::string> arguments) {
    const ProgramResult result = run(std::move(arguments));
    EXPECT_EQ(result.code, 0) << result.err;
    return result;
  }
  json document(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    return json::parse(good(std::move(arguments)).out, nullptr, false);
  }
  std::string error(std::vector<std::string> arguments, int code) {
    const ProgramResult result = run(std::move(arguments));
    EXPECT_EQ(result.code, code) << result.err;
    EXPECT_EQ(test::line_count(result.err), 1U) << result.err;
    return result.err;
  }
  TemporaryFolder folder_;
};

TEST_F(Choices, AreWhatPerplexitySays) {
  const json found = document({"choices", kDemo, "--tasks", "few.jsonl", "--backend", "cpu"});
  const auto nll = [&](const std::string& text) {
    return document({"perplexity", kDemo, "--prompt", text, "--backend", "cpu"})["nll"]
        .get<double>();
  };
  const json& first = found["tasks"][0]["results"][0]["log_likelihoods"][0];
  ASSERT_EQ(first.size(), 3U);
  const double before = nll("The king of");
  EXPECT_NEAR(first[0].get<double>(), before - nll("The king of England"), 1e-5);
  EXPECT_NEAR(first[2].get<double>(), before - nll("The king of the the"), 1e-5);
  EXPECT_EQ(found["tasks"][0]["items"], 3);
  EXPECT_EQ(found["tasks"][0]["results"][2]["line"], 4);
  EXPECT_EQ(found["shared_prefixes"], true);
}

TEST_F(Choices, BranchesStandBesideTheUneditedRun) {
  const std::vector<std::string> command = {"choices",   kDemo,
                                            "--tasks",   "few.jsonl",
                                            "--backend", "cpu",
                                            "--edit",    "resid_post.1-6:0:36,119=zero",
                                            "--branch",  "empty=resid_post.2:id:2:all=zero"};
  const ProgramResult told = good(command);
  EXPECT_NE(told.err.find("note: resid_post.2:id:2:all=zero: no sequence has id:2 (positions are"),
            std::string::npos)
      << told.err;
  const json found = document(command);
  const json& branches = found["tasks"][0]["branches"];
  ASSERT_EQ(branches.size(), 3U);
  EXPECT_EQ(branches[0]["name"], "unedited");
  for (const json& item : found["tasks"][0]["results"]) {
    EXPECT_EQ(item["log_likelihoods"][2], item["log_likelihoods"][0]);
    EXPECT_NE(item["log_likelihoods"][1], item["log_likelihoods"][0]);
  }
  EXPECT_EQ(branches[2]["sum"], branches[0]["sum"]);
  const ProgramResult table = good(command);
  EXPECT_NE(table.out.find("per character"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("3 items computed"), std::string::npos) << table.out;
}

TEST_F(Choices, WithinLittleMemoryTheyAreTheSame) {
  const std::vector<std::string> command = {"choices",   kDemo,       "--tasks",
                                            "few.jsonl", "--backend", "cpu"};
  const json whole = document(command);
  EXPECT_EQ(whole["shared_prefixes"], true);
  auto little = command;
  little.insert(little.end(), {"--memory", "1MiB"});
  const std::string refusal = error(little, 2);
  const std::string before = "expected at least ";
  ASSERT_NE(refusal.find(before), std::string::npos) << refusal;
  const int least = std::stoi(refusal.substr(refusal.find(before) + before.size()));
  little.back() = std::to_string(least + 4) + "MiB";
  const json streamed = document(little);
  EXPECT_EQ(streamed["shared_prefixes"], false);
  EXPECT_EQ(streamed["tasks"], whole["tasks"]);
  const ProgramResult result = good(little);
  EXPECT_LE(result.peak_bytes, static_cast<std::uint64_t>(least + 4) << 20);
  EXPECT_NE(result.out.find("(within --memory nothing is kept of them"), std::string::npos)
      << result.out;
}

TEST_F(Choices, GoOnWhereTheyStopped) {
  const std::vector<std::string> command = {"choices",   kDemo, "--tasks", "few.jsonl",
                                            "--backend", "cpu", "--out",   "items.jsonl"};
  const std::string whole_table = good(command).out;
  const auto path = folder_.path() / "items.jsonl";
  const std::string whole = read_file(path).value();
  EXPECT_EQ(test::line_count(whole), 4U);
  EXPECT_NE(good(command).out.find("0 items computed"), std::string::npos);
  EXPECT_EQ(read_file(path).value(), whole);
  const std::size_t second = whole.find('\n', whole.find('\n') + 1) + 1;
  for (const std::size_t size : {std::size_t{5}, whole.find('\n') + 1, second + 9}) {
    write_file(path, whole.substr(0, size));
    good(command);
    EXPECT_EQ(read_file(path).value(), whole) << size;
  }
  std::vector<std::string> other = command;
  other.insert(other.end(), {"--limit", "2"});
  EXPECT_NE(error(other, 2).find("another run"), std::string::npos);
  write_file(path, "a diary, no results\n");
  EXPECT_NE(error(command, 2).find("items.jsonl"), std::string::npos);
  EXPECT_EQ(read_file(path).value(), "a diary, no results\n");
}

TEST_F(Choices, RefusesBadTasks) {
  write_file(folder_.path() / "bad.jsonl", std::string(kTasks) + "{}\n");
  EXPECT_NE(error({"choices", kDemo, "--tasks", "bad.jsonl"}, 1).find("bad.jsonl: line 5"),
            std::string::npos);
  EXPECT_NE(error({"choices", kDemo, "--tasks", "none.jsonl"}, 1).find("none.jsonl"),
            std::string::npos);
  EXPECT_NE(error({"choices", kDemo}, 2).find("--tasks"), std::string::npos);
  const std::string text(4000, 'x');
  write_file(folder_.path() / "long.jsonl",
             R"({"context": ")" + text + R"(", "choices": [" a", " b"], "answer": 0})");
  EXPECT_NE(error({"choices", kDemo, "--tasks", "long.jsonl"}, 1).find("long.jsonl: line 1: "),
            std::string::npos);
}

}  // namespace
}  // namespace tepui

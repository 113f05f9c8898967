// SPDX-License-Identifier: MIT
// Perplexities and interventions as a user runs them, held to the float64 reference of the bundled
// model.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "backend/registry.h"
#include "base/mapped_file.h"
#include "store/reader.h"
#include "support/cli_inputs.h"
#include "support/killed_runs.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui {
namespace {

using nlohmann::json;
using test::data_path;
using test::kDemo;
using test::kSample;
using test::kTiny;
using test::ProgramResult;
using test::TemporaryFolder;

class Intervene : public testing::Test {
 protected:
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

json reference() { return json::parse(read_file(data_path("demo-model/reference.json")).value()); }

void near(const json& found, double expected, double relative) {
  ASSERT_TRUE(found.is_number()) << found;
  EXPECT_NEAR(found.get<double>(), expected, relative * std::abs(expected));
}

std::vector<std::string> reference_command(const std::string& backend) {
  std::vector<std::string> command = {"intervene", kDemo,   "--text",      kSample,
                                      "--backend", backend, "--min-ratio", "500"};
  const json expected = reference();
  for (const json& branch : expected["branches"]) {
    command.emplace_back("--branch");
    command.push_back(branch["name"].get<std::string>() + "=" + branch["edit"].get<std::string>());
  }
  return command;
}

// Every branch of the reference, to 1e-4 of its perplexity.
void check_reference(const json& found) {
  const json expected = reference();
  ASSERT_EQ(found["branches"].size(), expected["branches"].size() + 1);
  const json& unedited = found["branches"][0];
  EXPECT_EQ(unedited["name"], "unedited");
  EXPECT_EQ(unedited["tokens"], expected["tokens_predicted"]);
  EXPECT_EQ(unedited["kl"], 0);
  near(unedited["perplexity"], expected["perplexity"], 1e-4);
  near(unedited["nll"], expected["nll"], 1e-4);
  for (std::size_t i = 0; i < expected["branches"].size(); ++i) {
    const json& branch = found["branches"][i + 1];
    const json& wanted = expected["branches"][i];
    SCOPED_TRACE(wanted["name"]);
    EXPECT_EQ(branch["name"], wanted["name"]);
    near(branch["perplexity"], wanted["perplexity"], 1e-4);
    near(branch["nll"], wanted["nll"], 1e-4);
    EXPECT_NEAR(branch["kl"].get<double>(), wanted["kl"].get<double>(), 1e-4);
  }
}

TEST_F(Intervene, EveryBranchOfTheReference) {
  const json found = document(reference_command("cpu"));
  EXPECT_EQ(found["rule"]["min_abs"], 100);
  EXPECT_EQ(found["rule"]["min_ratio"], 500);
  check_reference(found);
  const json expected = reference();
  for (const auto& [layer, channels] : expected["calibrated_means"].items()) {
    for (const auto& [channel, mean] : channels.items()) {
      bool there = false;
      for (const json& row : found["calibration"]) {
        if (std::to_string(row["layer"].get<int>()) != layer ||
            std::to_string(row["channel"].get<int>()) != channel)
          continue;
        EXPECT_EQ(row["token_class"], "first");
        near(row["mean"], mean.get<double>(), 1e-5);
        there = true;
      }
      EXPECT_TRUE(there) << "layer " << layer << ", channel " << channel;
    }
  }
}

// The same on a GPU; where a driver only plays one, on as much of the text as it can do in a while,
// against the processor.
TEST_F(Intervene, EveryBranchOfTheReferenceOnVulkan) {
  const auto backend = make_backend("vulkan", {});
  if (!backend) GTEST_SKIP() << backend.error().message;
  if (!(*backend)->device().software) {
    check_reference(document(reference_command("vulkan")));
    return;
  }
  std::vector<std::string> on_cpu = reference_command("cpu");
  std::vector<std::string> on_vulkan = reference_command("vulkan");
  for (auto* command : {&on_cpu, &on_vulkan})
    command->insert(command->end(), {"--context", "48", "--chunks", "1"});
  const json expected = document(on_cpu);
  const json found = document(on_vulkan);
  for (std::size_t i = 0; i < expected["branches"].size(); ++i) {
    near(found["branches"][i]["perplexity"], expected["branches"][i]["perplexity"].get<double>(),
         1e-4);
    EXPECT_NEAR(found["branches"][i]["kl"].get<double>(),
                expected["branches"][i]["kl"].get<double>(), 1e-4);
  }
}

TEST_F(Intervene, PerplexityIsThatOfTheReference) {
  const json found = document({"perplexity", kDemo, "--text", kSample});
  near(found["perplexity"], reference()["perplexity"], 1e-4);
  near(found["nll"], reference()["nll"], 1e-4);
  EXPECT_EQ(found["tokens"], 5100);
  EXPECT_EQ(found["protocol"]["context"], 256);
  EXPECT_EQ(found["texts"].size(), 1U);
  near(found["perplexity"], std::exp(found["nll"].get<double>() / found["tokens"].get<double>()),
       1e-12);
}

TEST_F(Intervene, TokensSumUpToTheWhole) {
  const json found =
      document({"perplexity", kDemo, "--text", kSample, "--chunks", "2", "--tokens", "t.csv"});
  const std::string text = read_file(folder_.path() / "t.csv").value();
  EXPECT_EQ(test::line_count(text), 1 + found["tokens"].get<std::size_t>());
  EXPECT_EQ(text.substr(0, text.find('\n')),
            "branch,sequence,position,token_id,piece,log_likelihood");
  double sum = 0;
  for (std::size_t at = text.find('\n'); at + 1 < text.size(); at = text.find('\n', at + 1))
    sum -= std::stod(text.substr(text.rfind(',', text.find('\n', at + 1)) + 1));
  EXPECT_NEAR(sum, found["nll"].get<double>(), 1e-3);
}

// With a stride each token is scored once, in the longest context it has.
TEST_F(Intervene, AStrideScoresEveryTokenOnce) {
  const std::vector<std::string> base = {"perplexity", kDemo, "--text",    kSample,
                                         "--bos",      "no",  "--context", "64"};
  auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return document(more);
  };
  const json strided = with({"--stride", "16", "--chunks", "5"});
  EXPECT_EQ(strided["tokens"], 63 + 4 * 16);
  EXPECT_EQ(with({"--stride", "16", "--chunks", "5", "--tokens", "t.csv"})["nll"], strided["nll"]);
  EXPECT_EQ(with({"--stride", "64", "--chunks", "2"})["nll"], with({"--chunks", "2"})["nll"]);
  EXPECT_EQ(with({"--chunks", "2"})["tokens"], 126);
}

TEST_F(Intervene, DocumentsAreJoined) {
  test::write_file(folder_.path() / "a.txt", "The sun rose.\n\nIt was late.\n");
  test::write_file(folder_.path() / "b.txt", "Nobody spoke.\n");
  test::write_file(folder_.path() / "ab.txt", "The sun rose.\n, , It was late.\n, Nobody spoke.\n");
  const json joined = document(
      {"perplexity", kDemo, "--text", "a.txt", "b.txt", "--joiner", ", ", "--documents", "lines"});
  const json whole = document({"perplexity", kDemo, "--text", "ab.txt"});
  EXPECT_EQ(joined["nll"], whole["nll"]);
  EXPECT_EQ(joined["texts"].size(), 1U);
  EXPECT_EQ(document({"perplexity", kDemo, "--text", "a.txt", "b.txt"})["texts"].size(), 2U);
}

TEST_F(Intervene, TheDefaultAndTheProtocols) {
  const ProgramResult table =
      good({"intervene", kDemo, "--text", kSample, "--chunks", "2", "--min-ratio", "500"});
  for (const char* part :
       {"massive activations of 2 sequences", "resid_post.1       36  position 0", "unedited",
        "zero, all layers", "resid_post.1:massive:massive=mean", "change: mean over tokens",
        "Stored in tepui-intervene-demo-model-sample-"})
    EXPECT_NE(table.out.find(part), std::string::npos) << part << "\n" << table.out;
  const ProgramResult again =
      good({"intervene", kDemo, "--text", kSample, "--chunks", "2", "--min-ratio", "500"});
  EXPECT_NE(again.out.find("nothing had to be computed anew"), std::string::npos) << again.out;

  // Without BOS fewer than half of the sequences hold massive activations of this model.
  const std::string none = error({"intervene", kDemo, "--text", kSample, "--chunks", "2",
                                  "--min-ratio", "500", "--protocol", "sun2024"},
                                 1);
  EXPECT_NE(none.find("in no layer do at least half of the 2 calibration sequences"),
            std::string::npos)
      << none;
  EXPECT_NE(none.find("sun2024 runs without BOS, and some models need one: --bos yes"),
            std::string::npos)
      << none;
  const json sun = document({"intervene", kDemo, "--text", kSample, "--chunks", "2", "--min-ratio",
                             "500", "--protocol", "sun2024", "--bos", "yes"});
  EXPECT_EQ(sun["protocol"]["bos"], "yes");
  const json owen = document({"intervene", kDemo, "--text", kSample, "--chunks", "2", "--min-ratio",
                              "500", "--protocol", "owen2025"});
  ASSERT_EQ(owen["branches"].size(), 3U);
  const double plain = owen["branches"][0]["perplexity"];
  EXPECT_GT(owen["branches"][1]["perplexity"].get<double>(), 1.1 * plain);
  EXPECT_NEAR(owen["branches"][2]["perplexity"].get<double>(), plain, 0.01 * plain);
  // One layer, and channels 36 and 119 of position 0 are what is massive in it.
  const json named = document({"intervene", kDemo, "--text", kSample, "--chunks", "2", "--edit",
                               "resid_post.1:0:36,119=zero", "--min-ratio", "500"});
  EXPECT_EQ(named["branches"][1]["nll"], owen["branches"][1]["nll"]);
}

// By the rule of the studies channel 36 of this small model is not massive.
TEST_F(Intervene, AChannelWithoutAMeanIsLeftAsItIs) {
  const ProgramResult found = good({"intervene", kDemo, "--text", kSample, "--chunks", "1",
                                    "--edit", "resid_post.1:0:36,119=mean"});
  EXPECT_NE(
      found.err.find("tepui: note: resid_post.1:0:36,119=mean: channel 36 of resid_post.1 was "
                     "never massive"),
      std::string::npos)
      << found.err;
}

TEST_F(Intervene, AnEditOfTokensThatAreNowhereIsNoted) {
  test::write_file(folder_.path() / "ids.json", "[[1, 2, 3, 4], [5, 6, 7]]");
  const ProgramResult found =
      good({"intervene", kTiny, "--ids", "ids.json", "--edit", "resid_post.0:3,4-:1=zero", "--edit",
            "resid_post.0:9,id:7:1=zero", "--edit", "resid_post.0:id:8:1=zero"});
  for (const char* note : {"3,4-:1=zero: no sequence has 4- (positions are 0 to 3)\n",
                           "id:8:1=zero: no sequence has id:8 (positions are 0 to 3): nothing",
                           "9,id:7:1=zero: no sequence has 9 (positions are 0 to 3)\n"})
    EXPECT_NE(found.err.find(fmt::format("tepui: note: resid_post.0:{}", note)), std::string::npos)
        << found.err;
}

TEST_F(Intervene, AnEditThatChangesNothingIsNamed) {
  const std::string table =
      good({"intervene", kDemo, "--prompt", "The king of England", "--branch",
            "none=k.1:massive:massive=zero", "--branch", "some=resid_post.1:massive:massive=zero"})
          .out;
  EXPECT_NE(table.find("\nnone: its edits changed no value\n"), std::string::npos) << table;
  EXPECT_EQ(table.find("some: its edits"), std::string::npos) << table;
}

// What the error asks for works in the same folder.
TEST_F(Intervene, ARefusedRunLeavesNothingInTheWay) {
  const std::vector<std::string> command = {
      "intervene", kDemo, "--text", kSample, "--chunks", "1", "--out", "i", "--min-ratio"};
  std::vector<std::string> refused = command;
  refused.emplace_back("1e9");
  EXPECT_EQ(run(refused).code, 1);
  std::vector<std::string> other = command;
  other.emplace_back("500");
  good(other);
  EXPECT_EQ(run(refused).code, 2);  // now there is something
}

TEST_F(Intervene, AnEditThatBreaksTheModelIsReported) {
  test::write_file(folder_.path() / "ids.json", "[[1, 2, 3, 4], [5, 6, 7]]");
  const json found = document({"intervene", kTiny, "--ids", "ids.json", "--edit",
                               "resid_post.0:all:all=scale:1e38;resid_post.0:all:all=scale:1e38"});
  EXPECT_TRUE(found["branches"][1]["perplexity"].is_null());
  EXPECT_TRUE(found["branches"][0]["perplexity"].is_number());
}

TEST_F(Intervene, AKilledRunGoesOn) {
  std::string ids = "[";
  for (std::size_t i = 0; i < 200; ++i)
    ids += fmt::format("{}[{}, {}, {}, {}]", i == 0 ? "" : ",", i % 50, i % 7, 3, i % 31);
  test::write_file(folder_.path() / "ids.json", ids + "]");
  const auto command = [](const std::string& out) -> std::vector<std::string> {
    return {"intervene", kTiny,
            "--ids",     "ids.json",
            "--edit",    "resid_post.0:0:3=zero",
            "--edit",    "mlp_out.1:id:3:all=scale:2",
            "--wave",    "16",
            "--out",     out};
  };
  const auto start = std::chrono::steady_clock::now();
  good(command("whole"));
  const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - start;
  const auto finished = [&]() -> std::string {
    auto store = StoreReader::open(folder_.path() / "killed");
    const std::size_t count = store ? store->finished().value_or(std::vector<int>{}).size() : 0;
    return count == 0 || count == 200 ? "" : std::to_string(count);
  };
  const test::ProgramRun killed{command("killed"), folder_.path(), {}, 0, ""};
  EXPECT_GT(test::kill_and_resume(killed, 8, whole.count(), 16, finished).midway, 0);
  good(killed.arguments);
  for (const char* out : {"whole", "killed"}) good({"export", out});
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path() / "whole/export")) {
    const auto name = entry.path().filename();
    if (name == "runs.csv") continue;  // the times
    EXPECT_EQ(read_file(entry.path()).value(),
              read_file(folder_.path() / "killed/export" / name).value())
        << name;
  }
}

TEST_F(Intervene, WordsAndSentences) {
  good({"intervene", kDemo, "--text", kSample, "--chunks", "4", "--edit",
        "resid_post.1:0:36,119=zero", "--out", "out"});
  const json found = document({"words", "out", "--tokens", "w.csv"});
  ASSERT_EQ(found["branches"].size(), 1U);
  const json& branch = found["branches"][0];
  double of_tokens = 0;
  std::istringstream lines(read_file(folder_.path() / "w.csv").value());
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("1,")) of_tokens += std::stod(line.substr(line.rfind(',') + 1));
  for (const char* group : {"classes", "positions", "coherence"}) {
    std::int64_t tokens = 0;
    double share = 0;
    double change = 0;
    for (const json& entry : branch[group]) {
      tokens += entry["tokens"].get<std::int64_t>();
      share += entry["share"].get<double>();
      change += entry["change"]["mean"].get<double>() * entry["tokens"].get<double>();
      EXPECT_LE(entry["change"]["low"], entry["change"]["mean"]);
      EXPECT_GE(entry["change"]["high"], entry["change"]["mean"]);
    }
    EXPECT_EQ(tokens, 4 * 255) << group;
    EXPECT_NEAR(change, of_tokens, 1e-3) << group;
    EXPECT_NEAR(share, 1, 1e-9) << group;
    const json scores = document({"intervene", kDemo, "--text", kSample, "--chunks", "4", "--edit",
                                  "resid_post.1:0:36,119=zero", "--out", "out"});
    EXPECT_NEAR(
        change,
        scores["branches"][1]["nll"].get<double>() - scores["branches"][0]["nll"].get<double>(),
        1e-2)
        << group;
  }
  EXPECT_EQ(branch["classes"][0]["group"], "first token");
  EXPECT_EQ(branch["coherence"][0]["group"], "5 after a boundary");
  EXPECT_NE(good({"words", "out"}).out.find("function word"), std::string::npos);
  EXPECT_EQ(test::line_count(read_file(folder_.path() / "w.csv").value()), 1U + 2 * 4 * 255);
  EXPECT_NE(error({"words", "nowhere"}, 1).find("expected a store"), std::string::npos);
  error({"words", "out", "--tokens", "/dev/full"}, 1);  // written to, not replaced by a file
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

TEST_F(Intervene, SaysWhatIsWrong) {
  const std::vector<std::string> base = {"intervene", kDemo, "--text", kSample};
  const auto says = [&](std::vector<std::string> more, int code, const std::string& what) {
    more.insert(more.begin(), base.begin(), base.end());
    const std::string message = error(more, code);
    EXPECT_NE(message.find(what), std::string::npos) << message;
  };
  says({"--edit", "resid_post.9:0:1=zero"}, 2, "character 12: expected all, first-massive");
  says({"--edit", "resid_post.1:0:40=mean", "--chunks", "1"}, 1, "nothing was massive there");
  says({"--edit", "mlp_out.first-massive:0:all=zero", "--chunks", "1", "--min-ratio", "1e9"}, 1,
       "in no layer do at least half");
  says({"--branch", "resid_post.1:0:1=zero"}, 2, "expected NAME=EDIT");
  says({"--branch", "a=v.1:0:1=zero", "--branch", "a=v.1:0:1=zero"}, 2, "found this one twice");
  says({"--edit", "v.1:0:1=patch:b"}, 2, "expected the name of a branch");
  says({"--protocol", "sun2024", "--edit", "v.1:0:1=zero"}, 2, "it has its own");
  says({"--documents", "lines"}, 2, "expected --joiner");
  says({"--stride", "256"}, 2, "--stride 256: expected at most 255");
}

}  // namespace
}  // namespace tepui

// SPDX-License-Identifier: MIT
// tepui train and emergence as a user has them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/mapped_file.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui::test {
namespace {

class TrainCommandLine : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string text;
    for (int i = 0; i < 300; ++i) text += i % 3 == 0 ? "abcd efgh. " : "ijkl mnop, ";
    write_file(folder_.path() / "text.txt", text);
    write_file(folder_.path() / "r.toml", R"(out = "run"
[model]
family = "llama"
layers = 2
heads = 2
kv_heads = 1
width = 16
context = 16
[data]
text = "text.txt"
[train]
steps = 8
batch = 2
learning_rate = 1e-2
evaluate_every = 4
evaluation_batches = 1
checkpoint_every = 4
)");
  }

  ProgramResult tepui(std::vector<std::string> arguments) const {
    ProgramRun run;
    run.arguments = std::move(arguments);
    run.folder = folder_.path();
    return run_program(run);
  }

  TemporaryFolder folder_;
};

TEST_F(TrainCommandLine, TwoDoNotTrainInOneFolder) {
  std::filesystem::create_directory(folder_.path() / "run");
  const int lock =
      ::open((folder_.path() / "run/train.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  ASSERT_EQ(::flock(lock, LOCK_EX), 0);
  const ProgramResult refused = tepui({"train", "r.toml"});
  ::close(lock);
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("run: another process is training here"), std::string::npos)
      << refused.err;
}

// Whoever called sees that it was stopped, and it goes on from there.
TEST_F(TrainCommandLine, ASignalIsHowItEnds) {
  std::string recipe = read_file(folder_.path() / "r.toml").value();
  recipe.replace(recipe.find("steps = 8"), 9, "steps = 1000000");
  write_file(folder_.path() / "long.toml", recipe);
  const std::string command =
      std::string("trap : INT; ") + TEPUI_PROGRAM + " train long.toml --backend cpu; echo code $?";
  const std::string shown =
      test::type_into({"sh", "-c", command}, {}, folder_.path(), "loss", "\x03");
  EXPECT_NE(shown.find("Stopped after "), std::string::npos) << shown;
  EXPECT_NE(shown.find("The same command goes on from there."), std::string::npos) << shown;
  EXPECT_NE(shown.find("code 130"), std::string::npos) << shown;
}

// What a run's numbers cost stays with that run; the others are run, and what is wrong is said.
TEST_F(TrainCommandLine, AGridGoesOnBehindARunThatFails) {
  std::string recipe = read_file(folder_.path() / "r.toml").value();
  write_file(folder_.path() / "g.toml", recipe + "[grid.train]\nlearning_rate = [1e30, 1e-3]\n");
  const ProgramResult result = tepui({"train", "g.toml", "--grid", "--json", "--backend", "cpu"});
  EXPECT_EQ(result.code, 1);
  EXPECT_NE(result.err.find("1 of 2 runs cannot go on: step 1: "), std::string::npos) << result.err;
  const auto runs = nlohmann::json::parse(result.out)["runs"];
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0]["finished"], false);
  EXPECT_NE(runs[0]["failure"].get<std::string>().find("the last good checkpoint is "),
            std::string::npos);
  EXPECT_EQ(runs[1]["finished"], true);
}

// A product of two variants, in two shards; what is finished stays and is read by a scan.
TEST_F(TrainCommandLine, GridRunsEachOnceAndComparesThem) {
  std::string recipe = read_file(folder_.path() / "r.toml").value();
  write_file(folder_.path() / "g.toml",
             recipe + "[grid.model]\nvariant = [\"none\", \"kv_bias\"]\n");
  EXPECT_NE(tepui({"train", "g.toml"}).err.find("expected --grid"), std::string::npos);
  const ProgramResult first =
      tepui({"train", "g.toml", "--grid", "--shard", "1/2", "--backend", "cpu"});
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_NE(first.out.find("not finished: variant=kv_bias"), std::string::npos) << first.out;
  const ProgramResult plan = tepui({"train", "g.toml", "--grid", "--dry-run"});
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_NE(plan.out.find("finished"), std::string::npos) << plan.out;
  EXPECT_NE(plan.out.find("256  to be run"), std::string::npos) << plan.out;
  EXPECT_NE(plan.out.find("2 runs, 1 of them finished; 256 tokens"), std::string::npos) << plan.out;
  const auto planned = nlohmann::json::parse(
      tepui({"train", "g.toml", "--grid", "--dry-run", "--json", "--shard", "1/2"}).out);
  EXPECT_EQ(planned["tokens_left"], 0);
  EXPECT_EQ(planned["runs"][0]["finished"], true);
  EXPECT_EQ(planned["runs"][1]["state"], "another shard's");
  EXPECT_EQ(planned["runs"][1]["tokens_left"], 256);
  const auto all = [&] {
    return tepui({"train", "g.toml", "--grid", "--json", "--backend", "cpu"});
  };
  const ProgramResult rest = all();
  EXPECT_EQ(rest.code, 0) << rest.err;
  const auto json = nlohmann::json::parse(rest.out);
  ASSERT_EQ(json["runs"].size(), 2U);
  for (const auto& run : json["runs"]) {
    EXPECT_TRUE(run["finished"]);
    EXPECT_LT(run["validation_loss"].get<double>(), 3);
    EXPECT_EQ(run["layers"].size(), 2U);
    EXPECT_GT(run["zeroed_perplexity"].get<double>(), 1);
    EXPECT_EQ(run["zeroed_everywhere"], run["zeroed_perplexity"]);  // no layer above 100 medians
    EXPECT_EQ(run["zeroed_massive"], false);
    EXPECT_NEAR(std::log(run["perplexity"].get<double>()), run["validation_loss"].get<double>(),
                0.5);
  }
  EXPECT_EQ(all().out, rest.out);
  const ProgramResult report =
      tepui({"report", "run/variant=none", "run/variant=kv_bias", "--json"});
  EXPECT_EQ(report.code, 0) << report.err;
  const auto drawn = nlohmann::json::parse(report.out)["runs"];
  ASSERT_EQ(drawn.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& edited = drawn[i]["training"]["edited"];
    ASSERT_EQ(edited.size(), 2U);
    EXPECT_NEAR(edited[0]["perplexity"], json["runs"][i]["perplexity"].get<double>(), 1e-3);
    EXPECT_EQ(edited[1]["name"], "zeroed");
    EXPECT_NEAR(edited[1]["perplexity"], json["runs"][i]["zeroed_perplexity"].get<double>(), 1e-3);
  }
  const auto whole = nlohmann::json::parse(tepui({"report", "run", "--json"}).out)["runs"];
  EXPECT_EQ(whole, nlohmann::json({drawn[1], drawn[0]}));  // by name
  const ProgramResult inspect = tepui({"inspect", "run/variant=kv_bias/step-000008"});
  EXPECT_NE(inspect.out.find("a key and value of"), std::string::npos) << inspect.out;
}

TEST_F(TrainCommandLine, PlansTrainsGoesOnAndIsRead) {
  const ProgramResult plan = tepui({"train", "r.toml", "--dry-run"});
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_NE(plan.out.find("8 steps of 32 tokens (1 x 2 sequences)"), std::string::npos) << plan.out;
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "run"));
  // A folder's name need not be UTF-8.
  const ProgramResult named = tepui({"train", "r.toml", "--dry-run", "--json", "--out", "a\xff"});
  EXPECT_EQ(named.code, 0) << named.err;
  EXPECT_EQ(nlohmann::json::parse(named.out)["steps"], 8);

  std::string elsewhere = read_file(folder_.path() / "r.toml").value();
  elsewhere.insert(elsewhere.find("[train]\n") + 8,
                   "watch_every = 4\nwatch_sites = \"resid_post.77\"\n");
  test::write_file(folder_.path() / "w.toml", elsewhere);
  const ProgramResult refused = tepui({"train", "w.toml", "--dry-run"});
  EXPECT_EQ(refused.code, 2) << refused.err;
  EXPECT_NE(refused.err.find("watch_sites of [train]"), std::string::npos) << refused.err;

  const ProgramResult part = tepui({"train", "r.toml", "--until", "6", "--backend", "cpu"});
  EXPECT_EQ(part.code, 0) << part.err;
  EXPECT_NE(part.out.find("Stopped after 6 steps: run/step-000006"), std::string::npos) << part.out;
  const ProgramResult rest = tepui({"train", "r.toml", "--json", "--backend", "cpu"});
  EXPECT_EQ(rest.code, 0) << rest.err;
  const auto json = nlohmann::json::parse(rest.out);
  EXPECT_EQ(json["first_step"], 6);
  EXPECT_EQ(json["next_step"], 8);
  EXPECT_TRUE(json["finished"]);
  EXPECT_LT(json["validation_loss"], 3.5);
  // Without them transformers takes the family's own, which are characters here.
  const auto config =
      nlohmann::json::parse(read_file(folder_.path() / "run/step-000008/config.json").value());
  EXPECT_TRUE(config.at("bos_token_id").is_null() && config.at("eos_token_id").is_null());
  // Each step and evaluation once, also those that both parts could have logged.
  EXPECT_EQ(line_count(read_file(folder_.path() / "run/training.jsonl").value()), 8U + 3U);

  const ProgramResult came =
      tepui({"emergence", "run", "--text", "text.txt", "--sequences", "2", "--backend", "cpu"});
  EXPECT_EQ(came.code, 0) << came.err;
  for (const char* step : {"\n   0  ", "\n   4  ", "\n   6  ", "\n   8  "})
    EXPECT_NE(came.out.find(step), std::string::npos) << step << came.out;
}

// nanoGPT's files, which lie beside each other, and revisions of an HF model as folders.
TEST_F(TrainCommandLine, EmergenceReadsOtherTrainersSeries) {
  const std::filesystem::path golden = std::filesystem::path(TEPUI_TEST_DATA) / "golden";
  std::filesystem::create_directories(folder_.path() / "nano");
  for (const char* name : {"ckpt_10.pt", "ckpt_200.pt"})
    std::filesystem::copy_file(golden / "nanogpt/ckpt.pt", folder_.path() / "nano" / name);
  for (const char* name : {"step1000", "step2000"}) {
    std::filesystem::create_directories(folder_.path() / "pythia" / name);
    for (const char* file : {"config.json", "model.safetensors"})
      std::filesystem::copy_file(golden / "neox-parallel" / file,
                                 folder_.path() / "pythia" / name / file);
  }
  write_file(folder_.path() / "ids.json", "[[1, 2, 3, 4, 5], [5, 3, 2, 1, 0]]");
  const auto steps = [&](const char* series) {
    const ProgramResult came =
        tepui({"emergence", series, "--ids", "ids.json", "--backend", "cpu", "--json"});
    EXPECT_EQ(came.code, 0) << came.err;
    std::vector<int> found;
    const auto json = nlohmann::json::parse(came.out);
    for (const auto& one : json["checkpoints"]) found.push_back(one["step"]);
    return found;
  };
  EXPECT_EQ(steps("nano"), (std::vector<int>{10, 200}));
  EXPECT_EQ(steps("pythia"), (std::vector<int>{1000, 2000}));

  // One that is damaged costs itself alone.
  std::filesystem::resize_file(folder_.path() / "pythia/step1000/model.safetensors", 5000);
  const ProgramResult part = tepui(
      {"emergence", "pythia", "--ids", "ids.json", "--backend", "cpu", "--out", "part", "--json"});
  EXPECT_EQ(part.code, 1);
  EXPECT_NE(part.err.find("1 of 2 checkpoints could not be measured"), std::string::npos)
      << part.err;
  const auto json = nlohmann::json::parse(part.out);
  ASSERT_EQ(json["checkpoints"].size(), 1U);
  EXPECT_EQ(json["checkpoints"][0]["step"], 2000);
  EXPECT_EQ(json["failures"].size(), 1U);
}

// Lists of token ids for a text, with the model's prefix mask: what it shows is not predicted.
TEST_F(TrainCommandLine, LearnsFromListsOfIdsUnderAPrefixMask) {
  std::string list = "[[";
  for (int i = 0; i < 1500; ++i) list += fmt::format("{}{}", i == 0 ? "" : ", ", i % 7);
  write_file(folder_.path() / "ids.json", list + "], [1, 2, 3, 4, 5, 6, 0, 1, 2, 3]]");
  std::string recipe = read_file(folder_.path() / "r.toml").value();
  const auto put = [&](const std::string& from, const std::string& to) {
    recipe.replace(recipe.find(from), from.size(), to);
  };
  put("text = \"text.txt\"", "ids = \"ids.json\"");
  put("context = 16", "context = 16\nprefix = 6\nvariant = [\"gated_heads\", \"dyt\"]");
  write_file(folder_.path() / "p.toml", recipe + "zeroing = true\n");
  const ProgramResult run = tepui({"train", "p.toml", "--json", "--backend", "cpu"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_GT(nlohmann::json::parse(run.out)["zeroed_perplexity"].get<double>(), 1);
  EXPECT_EQ(nlohmann::json::parse(run.out)["zeroed_massive"], false);
  const std::string checkpoint = "run/step-000008";
  const ProgramResult inspect = tepui({"inspect", checkpoint, "--json"});
  EXPECT_NE(inspect.out.find("\"prefix\": 6"), std::string::npos) << inspect.out;
  write_file(folder_.path() / "few.json", "[[1, 2, 3, 4, 5, 6, 0, 1, 2]]");
  const ProgramResult scored = tepui({"perplexity", checkpoint, "--ids", "few.json", "--json"});
  EXPECT_EQ(nlohmann::json::parse(scored.out)["tokens"], 3) << scored.out << scored.err;
  const ProgramResult generated =
      tepui({"generate", checkpoint, "--ids", "few.json", "--max-tokens", "2", "--json"});
  ASSERT_EQ(generated.code, 0) << generated.err;
  const auto text = nlohmann::json::parse(generated.out)["sequences"][0];
  auto ids = nlohmann::json::parse(read_file(folder_.path() / "few.json").value());
  for (const auto& id : text["ids"]) ids[0].push_back(id);
  write_file(folder_.path() / "more.json", ids.dump());
  const ProgramResult whole = tepui({"perplexity", checkpoint, "--ids", "more.json", "--json"});
  const auto nll = [](const std::string& out) { return nlohmann::json::parse(out)["nll"]; };
  EXPECT_NEAR(nll(whole.out).get<double>() - nll(scored.out).get<double>(),
              text["nll"].get<double>(), 1e-6);
  write_file(folder_.path() / "short.json", "[[1, 2, 3, 4, 5]]");
  const ProgramResult refused = tepui({"generate", checkpoint, "--ids", "short.json"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("expected a prompt of at least 6 tokens, found 5"), std::string::npos)
      << refused.err;
}

TEST_F(TrainCommandLine, ErrorsSayWhere) {
  std::filesystem::create_directory(folder_.path() / "scan");
  write_file(folder_.path() / "scan/scan.sqlite", "another command's");
  const ProgramResult taken = tepui({"train", "r.toml", "--out", "scan", "--backend", "cpu"});
  EXPECT_EQ(taken.code, 1);
  EXPECT_EQ(taken.err.find("tepui: scan: expected a training run or a new folder"), 0U)
      << taken.err;
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "scan/train.lock"));
  write_file(folder_.path() / "bad.toml", "[model]\nfamily = \"gpt2\"\nlayer = 3\n");
  const ProgramResult bad = tepui({"train", "bad.toml"});
  EXPECT_EQ(bad.code, 2);
  EXPECT_EQ(bad.err.find("tepui: bad.toml:3: expected one of "), 0U) << bad.err;
  const ProgramResult none = tepui({"emergence", ".", "--text", "text.txt"});
  EXPECT_EQ(none.code, 1);
  EXPECT_NE(none.err.find("expected folders of checkpoints"), std::string::npos) << none.err;
}

}  // namespace
}  // namespace tepui::test

// SPDX-License-Identifier: MIT
// A scan that was killed goes on where it stopped, and nobody can tell afterwards: its exports are
// byte for byte those of a run that was left alone. On every backend; a software device gets less.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <random>
#include <set>

#include "backend/registry.h"
#include "base/mapped_file.h"
#include "store/reader.h"
#include "support/killed_runs.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui {
namespace {

using test::ProgramResult;
using test::ProgramRun;
using test::TemporaryFolder;

// Sequences of 1 to 24 tokens of the tiny models' vocabulary, seeded.
std::string many_sequences(int count) {
  std::mt19937 random(11);
  std::string text = "[";
  for (int i = 0; i < count; ++i) {
    text += i == 0 ? "[" : ",\n[";
    const auto length = 1 + random() % 24;
    for (std::size_t t = 0; t < length; ++t)
      text += (t == 0 ? "" : ",") + std::to_string(random() % 64);
    text += "]";
  }
  return text + "]";
}

class Resume : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    test::write_file(folder_.path() / "ids.json", many_sequences(sequences_));
  }

  ProgramRun scan(const std::string& out) const {
    ProgramRun run;
    run.arguments = {"scan",      test::data_path("golden/llama-gqa-tied-bf16").string(),
                     "--ids",     "ids.json",
                     "--out",     out,
                     "--backend", GetParam(),
                     "--wave",    "64"};
    run.folder = folder_.path();
    return run;
  }

  // All sequences in one wave, every layer of it kept.
  ProgramRun intervene(const std::string& out) const {
    ProgramRun run;
    run.arguments = {"intervene", test::data_path("golden/llama-gqa-tied-bf16").string(),
                     "--ids",     "ids.json",
                     "--edit",    "resid_post.0:0:all=zero",
                     "--edit",    "mlp_out.1:all:1-5=const:2",
                     "--edit",    "resid_pre.1:largest:all=scale:0.5",
                     "--wave",    "100000",
                     "--sync",    "0",
                     "--backend", GetParam(),
                     "--out",     out};
    run.folder = folder_.path();
    return run;
  }

  std::string exported(const std::string& out, bool scores = false) const {
    std::string all;
    for (const std::string format : {"csv", "jsonl"}) {
      for (const std::string table :
           {"sequences", "vocabulary", "observations", "series", "likelihoods"}) {
        if (table == "likelihoods" && !scores) continue;
        ProgramRun run;
        run.arguments = {"export", out, "--format", format, "--table", table, "--out", "-"};
        run.folder = folder_.path();
        const ProgramResult result = test::run_program(run);
        EXPECT_EQ(result.code, 0) << result.err;
        all += result.out;
      }
    }
    return all;
  }

  // What a wave that was broken off has written of its state, "" where there is none.
  std::string wave(const std::string& out) const {
    return read_file(folder_.path() / out / "wave/progress.json").value_or("");
  }

  std::size_t finished(const std::string& out) const {
    auto store = StoreReader::open(folder_.path() / out);
    if (!store) return 0;
    const auto list = store->finished();
    return list ? list->size() : 0;
  }

  const int sequences_ = GetParam() == "cpu" ? 300 : 60;
  TemporaryFolder folder_;
};

TEST_P(Resume, KilledAtRandomMomentsTheExportIsTheSame) {
  const auto start = std::chrono::steady_clock::now();
  const ProgramResult whole = test::run_program(scan("whole"));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ASSERT_EQ(whole.code, 0) << whole.err;
  ASSERT_EQ(finished("whole"), static_cast<std::size_t>(sequences_));
  const std::string expected = exported("whole");
  ASSERT_GT(expected.size(), 300U * static_cast<std::size_t>(sequences_));

  int midway = 0;
  for (unsigned run = 0; run < (GetParam() == "cpu" ? 4 : 2); ++run) {
    const std::string out = "broken" + std::to_string(run);
    const auto kills = test::kill_and_resume(scan(out), 20, seconds, 12 + run, [&] {
      const std::size_t done = finished(out);
      return done == static_cast<std::size_t>(sequences_) || done == 0 ? "" : std::to_string(done);
    });
    midway += kills.midway;
    const ProgramResult last = test::run_program(scan(out));
    ASSERT_EQ(last.code, 0) << last.err;
    EXPECT_EQ(exported(out), expected);
  }
  EXPECT_GT(midway, 0);
}

TEST_P(Resume, KilledInTheMiddleOfAWaveItGoesOnAtThatLayer) {
  const auto start = std::chrono::steady_clock::now();
  const ProgramResult whole = test::run_program(intervene("whole"));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ASSERT_EQ(whole.code, 0) << whole.err;
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "whole/wave"));
  const std::string expected = exported("whole", true);
  int midway = 0;
  for (unsigned run = 0; run < 4; ++run) {
    const std::string out = "broken" + std::to_string(run);
    midway += test::kill_and_resume(intervene(out), 20, seconds, 13 + run, [&] {
                return wave(out);
              }).midway;
    const ProgramResult last = test::run_program(intervene(out));
    ASSERT_EQ(last.code, 0) << last.err;
    EXPECT_EQ(exported(out, true), expected);
  }
  EXPECT_GT(midway, 0);
}

// The same where hidden states do not fit --memory and lie in files.
TEST_P(Resume, KilledWhereStatesLieInFilesItGoesOnAtThatLayer) {
  if (GetParam() != "cpu") GTEST_SKIP() << "a GPU's memory is its own";
  test::write_file(folder_.path() / "ids.json", many_sequences(1500));
  const ProgramResult whole = test::run_program(intervene("whole"));
  ASSERT_EQ(whole.code, 0) << whole.err;
  const std::string expected = exported("whole", true);
  const auto with_memory = [&](const std::string& out, int mib) {
    ProgramRun run = intervene(out);
    run.arguments.insert(run.arguments.end(), {"--memory", std::to_string(mib) + "MiB"});
    return run;
  };
  const std::string refusal = test::run_program(with_memory("none", 1)).err;
  const std::string before = "expected at least ";
  ASSERT_NE(refusal.find(before), std::string::npos) << refusal;
  const int memory = std::stoi(refusal.substr(refusal.find(before) + before.size())) + 4;
  ProgramRun plan = with_memory("none", memory);
  plan.arguments.emplace_back("--dry-run");
  const std::string planned = test::run_program(plan).out;
  ASSERT_NE(planned.find("for hidden states"), std::string::npos) << planned;

  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(test::run_program(with_memory("spilled", memory)).code, 0);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_EQ(exported("spilled", true), expected);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "spilled/wave"));
  const auto kills = test::kill_and_resume(with_memory("broken", memory), 12, seconds, 14,
                                           [&] { return wave("broken"); });
  const ProgramResult last = test::run_program(with_memory("broken", memory));
  ASSERT_EQ(last.code, 0) << last.err;
  EXPECT_EQ(exported("broken", true), expected);
  EXPECT_GT(kills.midway, 0);
}

// Of commands that look for massive activations first: in that pass, between both and in the other.
TEST_P(Resume, KilledInEitherPassItGoesOnThere) {
  if (GetParam() != "cpu") GTEST_SKIP() << "the passes are those of other commands";
  test::write_file(folder_.path() / "ids.json", many_sequences(800));
  for (const std::string command : {"attention", "origin"}) {
    const auto passes = [&](const std::string& out) {
      ProgramRun run;
      run.arguments = {command,       test::data_path("golden/llama-gqa-tied-bf16").string(),
                       "--ids",       "ids.json",
                       "--min-abs",   "0.01",
                       "--min-ratio", "4",
                       "--wave",      "3200",
                       "--sync",      "0",
                       "--backend",   "cpu",
                       "--out",       out};
      run.folder = folder_.path();
      return run;
    };
    const auto start = std::chrono::steady_clock::now();
    const ProgramResult whole = test::run_program(passes("whole-" + command));
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ASSERT_EQ(whole.code, 0) << whole.err;
    EXPECT_FALSE(std::filesystem::exists(folder_.path() / ("whole-" + command) / "wave"));
    EXPECT_FALSE(std::filesystem::exists(folder_.path() / ("whole-" + command) / "massive"));
    const std::string expected = exported("whole-" + command);
    EXPECT_NE(expected.find(",massive,"), std::string::npos);
    std::set<std::string> caught;
    for (unsigned run = 0; run < 2; ++run) {
      const std::string out = "broken-" + command + std::to_string(run);
      const auto text = [&](const char* name) {
        return read_file(folder_.path() / out / name).value_or("");
      };
      test::kill_and_resume(passes(out), 12, seconds, 15 + run, [&] {
        const std::string first = text("massive/wave/progress.json");
        const std::string second = text("wave/progress.json");
        if (!first.empty()) caught.insert("first");
        if (!second.empty()) caught.insert("second");
        return first + second;
      });
      const ProgramResult last = test::run_program(passes(out));
      ASSERT_EQ(last.code, 0) << last.err;
      EXPECT_EQ(exported(out), expected);
    }
    EXPECT_EQ(caught, (std::set<std::string>{"first", "second"})) << command;
  }
}

TEST_P(Resume, AnotherWaveGivesTheSame) {
  ASSERT_EQ(test::run_program(scan("whole")).code, 0);
  ProgramRun other = scan("other");
  other.arguments.back() = "100000";
  ASSERT_EQ(test::run_program(other).code, 0);
  EXPECT_EQ(exported("other"), exported("whole"));
}

TEST_P(Resume, TheSameCommandAgainComputesNothing) {
  ASSERT_EQ(test::run_program(scan("s")).code, 0);
  const std::string before = exported("s");
  const ProgramResult again = test::run_program(scan("s"));
  EXPECT_EQ(again.code, 0);
  EXPECT_NE(again.out.find("nothing had to be computed anew"), std::string::npos) << again.out;
  EXPECT_EQ(exported("s"), before);
}

TEST_P(Resume, ASecondWriterIsToldToWait) {
  std::filesystem::create_directory(folder_.path() / "s");
  const int lock =
      ::open((folder_.path() / "s/scan.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  ASSERT_EQ(::flock(lock, LOCK_EX), 0);
  const ProgramResult result = test::run_program(scan("s"));
  ::close(lock);
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("s: another process is writing to this store"), std::string::npos);
  // The first line is the note on the missing tokenizer.
  EXPECT_EQ(test::line_count(result.err), 2U) << result.err;
  EXPECT_EQ(test::run_program(scan("s")).code, 0);
}

TEST_P(Resume, TwoAtOnceLeaveOneGoodStore) {
  ASSERT_EQ(test::run_program(scan("whole")).code, 0);
  auto other = std::async(std::launch::async, [&] { return test::run_program(scan("s")); });
  const ProgramResult one = test::run_program(scan("s"));
  const ProgramResult two = other.get();
  for (const ProgramResult& result : {one, two}) {
    if (result.code == 0) continue;
    EXPECT_EQ(result.code, 1);
    EXPECT_NE(result.err.find("another process"), std::string::npos) << result.err;
  }
  EXPECT_TRUE(one.code == 0 || two.code == 0);
  EXPECT_EQ(exported("s"), exported("whole"));
}

std::vector<std::string> resumed_backends() {
  std::vector<std::string> names = backend_names();
  std::erase(names, "reference");
  return names;
}

INSTANTIATE_TEST_SUITE_P(Backends, Resume, testing::ValuesIn(resumed_backends()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace tepui

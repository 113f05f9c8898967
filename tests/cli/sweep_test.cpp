// SPDX-License-Identifier: MIT
// Sweeps as a user runs them: whole, in shards, by several processes, killed and taken up again.
#include <gtest/gtest.h>

#include <fmt/ranges.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/mapped_file.h"
#include "support/killed_runs.h"
#include "support/sweep_fixture.h"

namespace tepui {
namespace {

using nlohmann::json;
using test::data_path;
using test::ProgramResult;
namespace fs = std::filesystem;

class Sweep : public test::SweepFixture {};

TEST_F(Sweep, ShowsItsPlanAndItsResults) {
  const json plan = json::parse(good({"sweep", "study.toml", "--dry-run", "--json"}).out);
  ASSERT_EQ(plan["jobs"].size(), 2U);
  EXPECT_EQ(plan["jobs"][0]["sequences"], 9);
  EXPECT_EQ(plan["jobs"][0]["units"], 5);
  EXPECT_EQ(plan["jobs"][0]["branches"], 3);
  // Eight layers; branches begin in layers 1 and 3.
  EXPECT_EQ(plan["jobs"][0]["block_runs"], 8 + 7 + 5);
  EXPECT_EQ(plan["jobs"][0]["unshared_block_runs"], 24);
  EXPECT_FALSE(fs::exists(folder_.path() / "tepui-study"));
  double seconds = 0;
  for (const json& job : plan["jobs"]) {
    ASSERT_EQ(job["estimates"].size(), job["units"].get<std::size_t>());
    EXPECT_EQ(job["calibration_seconds"], 0.0);  // the edits need none
    for (const json& unit : job["estimates"]) {
      EXPECT_EQ(unit["there"], false);
      EXPECT_GT(unit["memory"].get<double>(), 1e7);
      EXPECT_GT(unit["bytes_read"].get<double>(), 1e6);
      EXPECT_GT(unit["seconds"].get<double>(), 0);
      seconds += unit["seconds"].get<double>();
    }
  }
  EXPECT_NEAR(plan["seconds"].get<double>(), seconds, 1e-9 * seconds);
  const std::string table = good({"sweep", "study.toml", "--dry-run"}).out;
  EXPECT_NE(table.find("8 units to compute: "), std::string::npos) << table;
  const std::string shard = good({"sweep", "study.toml", "--dry-run", "--shard", "1/4"}).out;
  EXPECT_NE(shard.find("2 units to compute: "), std::string::npos) << shard;

  const ProgramResult first = good({"sweep", "study.toml", "--out", "out"});
  EXPECT_NE(first.out.find("layer 3"), std::string::npos) << first.out;
  EXPECT_NE(first.out.find("8 of 8 units computed, 0 were there"), std::string::npos) << first.out;
  EXPECT_EQ(folders_of("out").size(), 2U);  // the units became one store a job
  const ProgramResult again = good({"sweep", "study.toml", "--out", "out"});
  EXPECT_NE(again.out.find("0 of 8 units computed, 8 were there"), std::string::npos) << again.out;

  const std::string left = good({"sweep", "study.toml", "--dry-run", "--out", "out"}).out;
  EXPECT_NE(left.find("0 units to compute: "), std::string::npos) << left;

  const json found = json::parse(good({"sweep", "study.toml", "--out", "out", "--json"}).out);
  const json alone = json::parse(
      good({"intervene", data_path("demo-model").string(), "--text", "a.txt", "--context", "16",
            "--sequences", "9", "--edit", "resid_post.1:0:36,119=zero", "--json"})
          .out);
  ASSERT_EQ(found["jobs"].size(), 2U);
  EXPECT_EQ(found["jobs"][0]["branches"][1]["nll"], alone["branches"][1]["nll"]);
  EXPECT_EQ(found["jobs"][0]["branches"][0]["name"], "unedited");
  EXPECT_TRUE(found["failures"].empty());
}

TEST_F(Sweep, ShardsTogetherAreTheWhole) {
  write_study(64);
  good({"sweep", "study.toml", "--out", "whole"});
  write_study(2);
  good({"sweep", "study.toml", "--out", "units"});
  EXPECT_EQ(results("units"), results("whole"));
  // A sweep's folder stands for its stores.
  const std::string shown = good({"show", "units", "--only", "compare"}).out;
  EXPECT_NE(shown.find("2 runs side by side"), std::string::npos) << shown;
  const ProgramResult exported = run({"export", "units"});
  EXPECT_NE(exported.err.find("; folders in it have one: demo.a-"), std::string::npos)
      << exported.err;
  for (const char* shard : {"1/3", "2/3", "3/3"})
    good({"sweep", "study.toml", "--out", std::string("shard") + shard[0], "--shard", shard});
  const ProgramResult part = run({"merge", "shard1", "shard2", "--out", "merged"});
  EXPECT_EQ(part.code, 1);
  EXPECT_NE(part.err.find("merge: 2 of 2 stores lack sequences that none of the folders has"),
            std::string::npos)
      << part.err;
  good({"merge", "shard1", "shard2", "shard3", "--out", "merged"});
  EXPECT_EQ(results("merged"), results("whole"));
  // What is merged is complete for a sweep as well.
  const ProgramResult again = good({"sweep", "study.toml", "--out", "merged"});
  EXPECT_NE(again.out.find("0 of 8 units computed"), std::string::npos) << again.out;
  // Shards in one folder need no merging.
  for (const char* shard : {"1/2", "2/2"})
    good({"sweep", "study.toml", "--out", "shared", "--shard", shard});
  EXPECT_EQ(results("shared"), results("whole"));
}

TEST_F(Sweep, ShardsOfDifferentStudiesAreRefused) {
  good({"sweep", "study.toml", "--out", "one", "--shard", "1/2"});
  write_text("Something else was written here, and it was read by nobody at all. ");
  good({"sweep", "study.toml", "--out", "two", "--shard", "2/2"});
  const ProgramResult refused = run({"merge", "one", "two", "--out", "both"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("two: expected a shard of the same study as one"), std::string::npos)
      << refused.err;
  EXPECT_EQ(run({"merge", "one", "--out", "one"}).code, 2);
  EXPECT_EQ(run({"merge", "nothing", "--out", "x"}).code, 1);
}

TEST_F(Sweep, KilledAndTakenUpIsTheSame) {
  const auto start = std::chrono::steady_clock::now();
  good({"sweep", "study.toml", "--out", "whole"});
  const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - start;
  // The stores of units; in the end they are one a job.
  const auto units = [&]() -> std::string {
    if (!fs::exists(folder_.path() / "killed")) return "";
    const auto names = folders_of("killed");
    return names == folders_of("whole") ? "" : fmt::format("{}", fmt::join(names, " "));
  };
  const test::ProgramRun killed{
      {"sweep", "study.toml", "--out", "killed"}, folder_.path(), {}, 0, ""};
  EXPECT_GT(test::kill_and_resume(killed, 8, whole.count(), 15, units).midway, 0);
  good(killed.arguments);
  EXPECT_EQ(results("killed"), results("whole"));
}

TEST_F(Sweep, TwoProcessesShareOneFolder) {
  good({"sweep", "study.toml", "--out", "whole"});
  ProgramResult first;
  std::thread other([&] { first = run({"sweep", "study.toml", "--out", "both", "--json"}); });
  const ProgramResult second = run({"sweep", "study.toml", "--out", "both", "--json"});
  other.join();
  ASSERT_EQ(first.code, 0) << first.err;
  ASSERT_EQ(second.code, 0) << second.err;
  const json a = json::parse(first.out)["units"];
  const json b = json::parse(second.out)["units"];
  EXPECT_EQ(a["computed"].get<int>() + b["computed"].get<int>(), 8);
  EXPECT_EQ(results("both"), results("whole"));
}

TEST_F(Sweep, AChangedTextIsComputedAnew) {
  good({"sweep", "study.toml", "--out", "out"});
  const auto before = folders_of("out");
  write_text("Another story is told in this place, one that has not been told before. ");
  const ProgramResult changed = good({"sweep", "study.toml", "--out", "out"});
  EXPECT_NE(changed.err.find("demo, a: model, text, options or tepui changed"), std::string::npos)
      << changed.err;
  EXPECT_NE(changed.out.find("8 of 8 units computed"), std::string::npos) << changed.out;
  const auto after = folders_of("out");
  EXPECT_EQ(after.size(), 4U);
  EXPECT_TRUE(std::ranges::includes(after, before));
}

TEST_F(Sweep, WhatFailsCostsOnlyItself) {
  const std::string study = read_file(folder_.path() / "study.toml").value();
  test::write_file(folder_.path() / "study.toml",
                   study + "[[model]]\npath = \"gone\"\n[[text]]\nfiles = \"none.txt\"\n");
  const ProgramResult result = run({"sweep", "study.toml", "--out", "out"});
  EXPECT_EQ(result.code, 1);
  EXPECT_NE(result.err.find("gone, a; gone, plain; gone, none: "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("demo, none: "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("4 parts of the study cannot be computed"), std::string::npos)
      << result.err;
  EXPECT_NE(result.out.find("8 of 8 units computed"), std::string::npos) << result.out;
}

TEST_F(Sweep, ADamagedStoreIsSaidBeforeItsJobIsComputed) {
  good({"sweep", "study.toml", "--out", "out"});
  const fs::path store = folder_.path() / "out" / *folders_of("out").begin() / "scan.sqlite";
  fs::resize_file(store, 5000);
  const ProgramResult result = run({"sweep", "study.toml", "--out", "out"});
  EXPECT_EQ(result.code, 1);
  EXPECT_NE(result.err.find("without it the job is computed anew"), std::string::npos)
      << result.err;
  EXPECT_NE(result.out.find("0 of "), std::string::npos) << result.out;
  fs::remove(store);
  good({"sweep", "study.toml", "--out", "out"});
  // One in which nothing was written yet is no damage: its process ended while it made it.
  fs::resize_file(store, 0);
  good({"sweep", "study.toml", "--out", "out"});
}

TEST_F(Sweep, SaysWhatIsWrong) {
  const std::string study = read_file(folder_.path() / "study.toml").value();
  const auto says = [&](const std::string& more, const std::string& what) {
    test::write_file(folder_.path() / "bad.toml", study + more);
    const ProgramResult result = run({"sweep", "bad.toml", "--out", "out"});
    EXPECT_EQ(result.code, 2);
    EXPECT_EQ(test::line_count(result.err), 1U) << result.err;
    EXPECT_NE(result.err.find(what), std::string::npos) << result.err;
  };
  says("[[branch]]\nedits = \"resid_post.1:0:500=zero\"\n",
       "bad.toml:21: edits \"resid_post.1:0:500=zero\": character 16: expected");
  says("[[branch]]\nname = \"layer 1\"\nedits = \"v.1:0:5=zero\"\n", "found this one twice");
  says("wrong = 3\n", "bad.toml:20:");
  // What an option of the other commands is called is a field here.
  says("[[text]]\nname = \"long\"\nfiles = \"a.txt\"\ncontext = 100000\n",
       "bad.toml:23: context 100000: expected at most 256");
  EXPECT_EQ(run({"sweep", "study.toml", "--shard", "3/2"}).code, 2);
  EXPECT_EQ(run({"sweep", "study.toml", "--shard", "2"}).code, 2);
  EXPECT_EQ(run({"sweep", "none.toml"}).code, 1);
}

}  // namespace
}  // namespace tepui

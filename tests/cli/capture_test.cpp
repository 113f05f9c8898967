// SPDX-License-Identifier: MIT
// Captured activations: what stands in the files is what taps see, bit for bit, whatever happens to
// the process that writes them.
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <random>

#include "base/mapped_file.h"
#include "support/branch_run.h"
#include "support/cli_inputs.h"
#include "support/killed_runs.h"
#include "support/model_copy.h"
#include "support/paths.h"
#include "support/run_model.h"
#include "support/run_program.h"

namespace tepui {
namespace {

using nlohmann::json;
using test::data_path;
using test::kTiny;
using test::ProgramResult;
using test::ProgramRun;
using test::TemporaryFolder;
using test::write_file;

std::vector<std::vector<TokenId>> sequences(int count, unsigned longest) {
  std::mt19937 random(21);
  std::vector<std::vector<TokenId>> out;
  for (int i = 0; i < count; ++i) {
    out.emplace_back();
    for (auto left = 1 + random() % longest; left > 0; --left)
      out.back().push_back(static_cast<TokenId>(random() % 64));
  }
  return out;
}

// The data behind a version 1.0 header, whose shape must be as given.
std::vector<float> array_of(const std::string& file, const std::string& shape) {
  EXPECT_EQ(file.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  const std::size_t length =
      static_cast<unsigned char>(file.at(8)) + 256U * static_cast<unsigned char>(file.at(9));
  const std::string header = file.substr(10, length);
  EXPECT_EQ((10 + length) % 64, 0U);
  EXPECT_NE(header.find("'descr': '<f4', 'fortran_order': False"), std::string::npos) << header;
  EXPECT_NE(header.find("'shape': (" + shape + ")"), std::string::npos) << header;
  std::vector<float> values((file.size() - 10 - length) / sizeof(float));
  std::memcpy(values.data(), file.data() + 10 + length, values.size() * sizeof(float));
  return values;
}

class CaptureCommand : public testing::Test {
 protected:
  ProgramRun capture(const std::string& out, std::vector<std::string> more = {}) const {
    ProgramRun run;
    run.arguments = {"capture", kTiny, "--ids", "ids.json", "--out", out};
    run.arguments.insert(run.arguments.end(), more.begin(), more.end());
    run.folder = folder_.path();
    return run;
  }
  void give(const std::vector<std::vector<TokenId>>& ids) const {
    write_file(folder_.path() / "ids.json", json(ids).dump());
  }
  std::string file(const std::string& name) const {
    return read_file(folder_.path() / name).value_or("");
  }
  // Every file of a capture but those that say when it was.
  std::map<std::string, std::string> all(const std::string& out) const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path() / out)) {
      const std::string name = entry.path().filename().string();
      if (name.ends_with(".npy")) files[name] = file(out + "/" + name);
    }
    return files;
  }
  // Kills `run`, which writes the folder "broken", again and again: how often midway.
  int killed_midway(const ProgramRun& run, double seconds, unsigned seed) const {
    const auto done = [&]() -> std::string {
      const json progress = json::parse(file("broken/progress.json"), nullptr, false);
      const int sequences = progress.is_object() ? progress.value("finished_sequences", 0) : 0;
      return sequences == 0 ? "" : std::to_string(sequences);
    };
    int midway = 0;
    for (unsigned round = 0; round < 5 && midway == 0; ++round) {
      std::filesystem::remove_all(folder_.path() / "broken");  // it may have been faster
      midway = test::kill_and_resume(run, 12, seconds, seed + round, done).midway;
    }
    return midway;
  }
  TemporaryFolder folder_;
};

class CapturedRows : public CaptureCommand, public testing::WithParamInterface<std::string> {};

TEST_P(CapturedRows, AreWhatTapsSee) {
  const auto ids = sequences(5, 9);
  give(ids);
  const auto model = open_model(kTiny);
  const std::string edits = "resid_post.0:all:3=const:5";
  const auto run = test::run_branches(*model, GetParam(), ids, {{"b", edits}}, {});
  for (const bool edited : {false, true}) {
    const std::string out = edited ? "edited" : "plain";
    std::vector<std::string> more = {"--site",    "resid_post,mlp_act.1,final_norm",
                                     "--tokens",  "0,2-3,id:5",
                                     "--backend", GetParam(),
                                     "--wave",    "10"};
    if (edited) more.insert(more.end(), {"--edit", edits});
    const ProgramResult result = test::run_program(capture(out, more));
    ASSERT_EQ(result.code, 0) << result.err;
    const json sidecar = json::parse(file(out + "/capture.json"), nullptr, false);
    EXPECT_EQ(sidecar["complete"], true);
    ASSERT_EQ(sidecar["files"].size(), 4U);
    ASSERT_EQ(sidecar["sequences"].size(), ids.size());
    for (const json& one : sidecar["files"]) {
      const Point point{one["layer"].is_null() ? kNoLayer : one["layer"].get<int>(),
                        *site_from_name(one["site"].get<std::string>())};
      const auto width = one["shape"][1].get<std::size_t>();
      std::vector<float> expected;
      for (std::size_t s = 0; s < ids.size(); ++s) {
        const json& sequence = sidecar["sequences"][s];
        EXPECT_EQ(sequence["ids"], json(ids[s]));
        EXPECT_EQ(sequence["first_row"].get<std::size_t>() * width, expected.size());
        const auto& rows =
            run.sites[edited ? 1 : 0].at(test::capture_key(point, static_cast<int>(s)));
        for (std::size_t t = 0; t < ids[s].size(); ++t) {
          if (t != 0 && t != 2 && t != 3 && ids[s][t] != 5) continue;
          const auto row = rows.begin() + static_cast<std::ptrdiff_t>(t * width);
          expected.insert(expected.end(), row, row + static_cast<std::ptrdiff_t>(width));
        }
      }
      ASSERT_FALSE(expected.empty());
      const std::string shape =
          std::to_string(one["shape"][0].get<int>()) + ", " + std::to_string(width);
      EXPECT_TRUE(array_of(file(out + "/" + one["file"].get<std::string>()), shape) == expected)
          << one;
    }
  }
  EXPECT_NE(file("plain/resid_post.0.npy"), file("edited/resid_post.0.npy"));
}

std::vector<std::string> captured_backends() {
  auto names = test::model_backends();
  std::erase(names, "reference");
  return names;
}

INSTANTIATE_TEST_SUITE_P(Backends, CapturedRows, testing::ValuesIn(captured_backends()),
                         [](const auto& info) { return info.param; });

TEST_F(CaptureCommand, IsReadByNumpy) {
  ProgramRun python;
  python.program = "/usr/bin/python3";
  python.arguments = {"-c", "import numpy"};
  if (!std::filesystem::exists(python.program) || test::run_program(python).code != 0)
    GTEST_SKIP() << "numpy is not installed (tools/install --tests)";
  give({{1, 2, 3}, {4}});
  ASSERT_EQ(test::run_program(capture("acts", {"--layers", "1"})).code, 0);
  python.folder = folder_.path();
  python.arguments = {"-c",
                      "import json, numpy\n"
                      "a = numpy.load('acts/resid_post.1.npy')\n"
                      "s = json.load(open('acts/capture.json'))['files'][0]['shape']\n"
                      "assert list(a.shape) == s and a.dtype == numpy.float32, (a.shape, s)\n"
                      "assert numpy.isfinite(a).all()\n"};
  const ProgramResult result = test::run_program(python);
  EXPECT_EQ(result.code, 0) << result.err;
}

// Tensors by name, of a file of f32 tensors.
std::map<std::string, std::pair<json, std::string>> tensors_of(const std::string& file) {
  std::map<std::string, std::pair<json, std::string>> tensors;
  std::uint64_t length = 0;
  if (file.size() < sizeof(length)) return tensors;
  std::memcpy(&length, file.data(), sizeof(length));
  const json header = json::parse(file.substr(8, length), nullptr, false);
  EXPECT_EQ((8 + length) % 8, 0U);
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    EXPECT_EQ(entry["dtype"], "F32");
    const auto begin = entry["data_offsets"][0].get<std::size_t>();
    const auto end = entry["data_offsets"][1].get<std::size_t>();
    tensors[name] = {entry["shape"], file.substr(8 + length + begin, end - begin)};
  }
  return tensors;
}

TEST_F(CaptureCommand, OneSafetensorsFileHoldsTheSameRows) {
  give(sequences(30, 24));
  const std::vector<std::string> places = {
      "--site", "resid_post,mlp_act.1,final_norm", "--tokens", "0,2-5", "--wave", "64"};
  auto one = places;
  one.insert(one.end(), {"--format", "safetensors"});
  ASSERT_EQ(test::run_program(capture("many", places)).code, 0);
  ASSERT_EQ(test::run_program(capture("one", one)).code, 0);
  const auto tensors = tensors_of(file("one/capture.safetensors"));
  const auto arrays = all("many");
  ASSERT_EQ(tensors.size(), 4U);
  ASSERT_EQ(arrays.size(), 4U);
  for (const auto& [name, tensor] : tensors) {
    const std::string& array = arrays.at(name + ".npy");
    const std::size_t bytes = tensor.second.size();
    EXPECT_EQ(bytes, tensor.first[0].get<std::size_t>() * tensor.first[1].get<std::size_t>() * 4);
    ASSERT_GT(array.size(), bytes);
    EXPECT_TRUE(array.substr(array.size() - bytes) == tensor.second) << name;
  }
  const json sidecar = json::parse(file("one/capture.json"));
  EXPECT_EQ(sidecar["files"][0]["file"], "capture.safetensors");
  EXPECT_EQ(sidecar["files"][0]["tensor"], "resid_post.0");
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "one/capture.safetensors.part"));
}

TEST_F(CaptureCommand, KilledAndResumedOneFileIsTheSame) {
  give(sequences(400, 24));
  const std::vector<std::string> small = {"--wave", "64",       "--backend",
                                          "cpu",    "--format", "safetensors"};
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(test::run_program(capture("whole", small)).code, 0);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::string expected = file("whole/capture.safetensors");
  const int midway = killed_midway(capture("broken", small), seconds, 4);
  ASSERT_EQ(test::run_program(capture("broken", small)).code, 0);
  EXPECT_GT(midway, 0);
  EXPECT_TRUE(file("broken/capture.safetensors") == expected);
  EXPECT_EQ(json::parse(file("broken/capture.json"))["complete"], true);
}

TEST_F(CaptureCommand, KilledAndResumedItIsTheSame) {
  give(sequences(400, 24));
  const std::vector<std::string> small = {"--wave", "64", "--backend", "cpu"};
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(test::run_program(capture("whole", small)).code, 0);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto expected = all("whole");
  ASSERT_EQ(expected.size(), 2U);
  const int midway = killed_midway(capture("broken", small), seconds, 3);
  ASSERT_EQ(test::run_program(capture("broken", small)).code, 0);
  EXPECT_GT(midway, 0);
  EXPECT_TRUE(all("broken") == expected);
  EXPECT_EQ(json::parse(file("broken/capture.json"))["complete"], true);
  write_file(folder_.path() / "broken/progress.json", "left where a kill came in between");
  const ProgramResult again = test::run_program(capture("broken", small));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "broken/progress.json"));
  EXPECT_NE(again.out.find("nothing had to be computed anew"), std::string::npos) << again.out;
}

TEST_F(CaptureCommand, AFullDiskIsSaidAndLosesNothing) {
  give(sequences(200, 24));
  const std::vector<std::string> small = {"--wave", "64", "--backend", "cpu"};
  ASSERT_EQ(test::run_program(capture("whole", small)).code, 0);
  // Files may grow to 100 KiB; the signal that tells so is ignored, as it is with a full disk.
  ProgramRun shell;
  shell.program = "/bin/bash";
  shell.folder = folder_.path();
  shell.arguments = {"-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\"", TEPUI_PROGRAM};
  const ProgramRun plain = capture("full", small);
  shell.arguments.insert(shell.arguments.end(), plain.arguments.begin(), plain.arguments.end());
  const ProgramResult result = test::run_program(shell);
  EXPECT_EQ(result.code, 1);
  EXPECT_NE(result.err.find("resid_post.0.npy: cannot be written: "), std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("of 200 sequences are there whole"), std::string::npos) << result.err;
  EXPECT_EQ(json::parse(file("full/capture.json"))["complete"], false);
  EXPECT_GT(json::parse(file("full/progress.json"))["finished_sequences"].get<int>(), 0);
  ASSERT_EQ(test::run_program(plain).code, 0);
  EXPECT_TRUE(all("full") == all("whole"));
}

TEST_F(CaptureCommand, WhatIsNotFiniteStopsItWheneverItIsRun) {
  const auto model = test::overflowing_model(folder_.path() / "model");
  std::vector<std::vector<TokenId>> ids(30, {1, 2, 3});
  ids.push_back({50});
  give(ids);
  ProgramRun run = capture("acts", {"--wave", "16"});
  run.arguments[1] = model.string();
  for (int again = 0; again < 2; ++again) {
    const ProgramResult result = test::run_program(run);
    EXPECT_EQ(result.code, 1);
    EXPECT_NE(result.err.find("inf at sequence 30, position 0, channel 0: expected finite values; "
                              "25 of 31 sequences are there whole, but the same command would "
                              "stop there again"),
              std::string::npos)
        << result.err;
  }
  run.arguments = {"probe", model.string(), "--ids", "ids.json", "--target", "first"};
  const ProgramResult probe = test::run_program(run);  // learns nothing, and ends
  EXPECT_EQ(probe.code, 1);
  EXPECT_NE(probe.err.find("inf at sequence 30"), std::string::npos) << probe.err;
}

TEST_F(CaptureCommand, NotesTokensThatNoSequenceHas) {
  give({{1, 2, 3}, {4, 5}});
  const ProgramResult some = test::run_program(
      capture("some", {"--tokens", "1,2-9,7,id:5,id:6", "--edit", "resid_post.0:0,3-:all=zero"}));
  ASSERT_EQ(some.code, 0);
  EXPECT_NE(some.err.find("note: --tokens 1,2-9,7,id:5,id:6: no sequence has 7 or id:6 (positions "
                          "are 0 to 2)"),
            std::string::npos)
      << some.err;
  EXPECT_NE(some.err.find("note: resid_post.0:0,3-:all=zero: no sequence has 3- (pos"),
            std::string::npos)
      << some.err;
  const ProgramResult many =
      test::run_program(capture("many", {"--tokens", "0,10,11,12,13,14,15,16,17,18,19"}));
  EXPECT_NE(many.err.find("17 or 2 more (positions"), std::string::npos) << many.err;
  EXPECT_EQ(test::run_program(capture("all")).err.find("no sequence"), std::string::npos);
}

TEST_F(CaptureCommand, RefusesWhatWouldBeLostOrIsNotThere) {
  give({{1, 2, 3}});
  const auto error = [&](const ProgramRun& run, int code) {
    const ProgramResult result = test::run_program(run);
    EXPECT_EQ(result.code, code) << result.err;
    return result.err;
  };
  ASSERT_EQ(test::run_program(capture("acts")).code, 0);
  EXPECT_NE(error(capture("acts", {"--tokens", "1"}), 2).find("found another one"),
            std::string::npos);
  ProgramRun scan = capture("acts");
  scan.arguments = {"scan", kTiny, "--ids", "ids.json", "--out", "acts"};
  EXPECT_NE(error(scan, 2).find("found a capture in it"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "acts/scan.sqlite"));
  scan.arguments.back() = "scanned";
  ASSERT_EQ(test::run_program(scan).code, 0);
  EXPECT_NE(error(capture("scanned"), 2).find("the store of another command"), std::string::npos);
  std::filesystem::create_directory(folder_.path() / "mine");
  write_file(folder_.path() / "mine/resid_post.0.npy", "mine");
  EXPECT_NE(error(capture("mine"), 1).find("resid_post.0.npy"), std::string::npos);
  EXPECT_EQ(file("mine/resid_post.0.npy"), "mine");
  EXPECT_NE(error(capture("a", {"--tokens", "largest"}), 2).find("--tokens largest"),
            std::string::npos);
  EXPECT_NE(error(capture("a", {"--tokens", "7"}), 2).find("found none"), std::string::npos);
  EXPECT_NE(error(capture("a", {"--tokens", "0,x"}), 2).find("character 3"), std::string::npos);
  EXPECT_NE(error(capture("a", {"--layers", "9"}), 2).find(": --layers 9: layers must lie within"),
            std::string::npos);
  EXPECT_NE(error(capture("a", {"--sites", "final_norm,embeddings", "--layers", "1"}), 2)
                .find("--layers 1: expected a site that has layers"),
            std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "a"));
}

}  // namespace
}  // namespace tepui

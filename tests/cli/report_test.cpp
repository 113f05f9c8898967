// SPDX-License-Identifier: MIT
// tepui report as a user runs it: the page and its data, for one scan and for several, and what
// goes wrong.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/mapped_file.h"
#include "report/assets.h"
#include "support/cli_inputs.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui {
namespace {

using nlohmann::json;
using test::data_path;
using test::kDemo;
using test::kSample;
using test::ProgramResult;
using test::TemporaryFolder;

class Report : public testing::Test {
 protected:
  ProgramResult run(std::vector<std::string> arguments) {
    return test::run_program({std::move(arguments), folder_.path(), {}, 0, ""});
  }
  void scan(const std::string& out, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"scan",        kDemo, "--text", kSample,
                                          "--sequences", "3",   "--out",  out};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramResult result = run(arguments);
    ASSERT_EQ(result.code, 0) << result.err;
  }
  json data(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "report");
    arguments.emplace_back("--json");
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    return json::parse(result.out);
  }
  TemporaryFolder folder_;
};

TEST_F(Report, ThePageOfOneScanStandsBesideItsStore) {
  scan("s");
  const ProgramResult result = run({"report", "s"});
  if (asset_plotly().empty()) {
    EXPECT_EQ(result.code, 1);
    EXPECT_NE(result.err.find("built without plotly.js"), std::string::npos) << result.err;
    return;
  }
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out.find("s/report.html ("), 0U) << result.out;
  const auto page = read_file(folder_.path() / "s/report.html");
  ASSERT_TRUE(page);
  EXPECT_NE(page->find("<!DOCTYPE html>"), std::string::npos);
  EXPECT_NE(page->find("Massive activations in resid_post"), std::string::npos);
  ASSERT_EQ(run({"report", "s", "--out", "page.html"}).code, 0);
  EXPECT_EQ(read_file(folder_.path() / "page.html").value(), *page);
}

TEST_F(Report, FiguresHoldWhatTheScanMeasured) {
  scan("s");
  const json run = data({"s"})["runs"][0];
  EXPECT_NE(run["command"].get<std::string>().find("--sequences 3"), std::string::npos);
  const json& site = run["sites"][0];
  EXPECT_EQ(site["site"], "resid_post");
  EXPECT_EQ(site["layers"].size(), 8U);
  EXPECT_NEAR(site["curves"]["top"][0][4].get<double>(), 3498, 1);
  const json& surface = site["surfaces"]["all"][4];
  EXPECT_EQ(surface["layer"], 4);
  EXPECT_EQ(surface["rows"], 256);
  EXPECT_EQ(surface["columns"], 192);
  EXPECT_EQ(surface["offsets"], nullptr);
  EXPECT_NEAR(surface["values"][119].get<double>(), -3498, 1);
  EXPECT_EQ(run["sequences"]["0"].size(), 256U);
}

TEST_F(Report, SeveralScansStandSideBySide) {
  scan("bos-7", {"--surface", "0"});  // numbers, as a series of checkpoints has them
  scan("plain-8", {"--bos", "no"});
  const json runs = data({"bos-7", "plain-8"})["runs"];
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0]["label"], "demo-model, with BOS");
  EXPECT_EQ(runs[1]["label"], "demo-model, without BOS");
  EXPECT_EQ(runs[0]["sites"][0]["surfaces"]["all"].size(), 0U);
  EXPECT_NE(runs[0]["sites"][0]["surfaces"]["see"].get<std::string>().find("--surface"),
            std::string::npos);
  EXPECT_EQ(runs[1]["sites"][0]["surfaces"]["all"].size(), 8U);
  const json within = data({"."})["runs"];  // the folder that holds both
  ASSERT_EQ(within.size(), 2U);
  for (const std::size_t at : {0U, 1U}) EXPECT_EQ(within[at]["label"], runs[at]["label"]);
}

TEST_F(Report, WhatCannotBeDrawnOrWritten) {
  const ProgramResult missing = run({"report", "nowhere"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_NE(missing.err.find("nowhere: expected a store"), std::string::npos) << missing.err;
  EXPECT_EQ(run({"report"}).code, 2);
  scan("s");
  const ProgramResult rule = run({"report", "s", "--min-ratio", "5"});
  EXPECT_NE(rule.code, 0);
  EXPECT_NE(rule.err.find("--keep-ratio"), std::string::npos) << rule.err;
  if (asset_plotly().empty()) return;
  const ProgramResult folder = run({"report", "s", "--out", "s"});
  EXPECT_EQ(folder.code, 1);
  EXPECT_EQ(folder.err.find("tepui: s: "), 0U) << folder.err;
}

}  // namespace
}  // namespace tepui

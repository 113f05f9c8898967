// SPDX-License-Identifier: MIT
#include "report/bench_chart.h"

#include <gtest/gtest.h>

#include "study/bench_report.h"
#include "support/paths.h"

namespace tepui {
namespace {

TEST(BenchChart, TakesWhatBenchWrote) {
  BenchResult result;
  result.model = "planted";
  result.sites = "resid_post";
  result.devices.resize(1);
  result.devices[0].backend = "cpu";
  BenchRow row;
  row.backend = "cpu";
  row.type = "f32";
  row.length = 128;
  row.sequences = 2;
  row.flops = 1e9;
  row.peaks = {1e10, 1e10};
  row.plain = {0.2, 0.25};
  row.measured = {0.25, 0.25};
  result.rows = {row};
  const test::TemporaryFolder folder;
  const std::string file = (folder.path() / "planted.json").string();
  test::write_file(file, bench_json(result).dump());
  const auto run = bench_run(file);
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ((*run)["label"], "planted");
  EXPECT_EQ(
      (*run)["finding"],
      "planted: at most 1152 tokens/s (cpu, f32 weights, sequences of 128), 45.0 % of the rate "
      "of multiply-adds on registers; the statistics of resid_post cost 12.5 % there.\n");
  EXPECT_EQ((*run)["bench"]["rows"][0]["tokens_per_second"]["least"], 1024);
  auto broken = bench_json(result);
  broken["rows"][0].erase("share_of_peak");
  test::write_file(file, broken.dump());
  EXPECT_EQ(bench_run(file).error().message,
            file + ": expected a document of tepui bench --out, found none of share_of_peak");
  test::write_file(file, "not JSON");
  EXPECT_FALSE(bench_run(file));
}

}  // namespace
}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "study/bench.h"

#include <gtest/gtest.h>

#include "support/paths.h"

namespace tepui::test {
namespace {

TEST(BenchRounds, AreToldAsTheyEnd) {
  BenchRequest request;
  request.model = data_path("demo-model");
  request.lengths = {8, 16};
  request.tokens = 16;
  request.rounds = 3;
  request.threads = 1;
  std::vector<std::size_t> rounds;
  BenchProgress progress;
  progress.round = [&](const BenchResult& result) -> Status {
    for (const BenchRow& row : result.rows) EXPECT_EQ(row.plain.size(), rounds.size() + 1);
    rounds.push_back(result.rows.size());
    if (rounds.size() < 2) return {};
    return fail(ErrorKind::io, "the disk is full");
  };
  const auto result = run_bench(request, progress);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "the disk is full");
  EXPECT_EQ(rounds, (std::vector<std::size_t>{2, 2}));
}

}  // namespace
}  // namespace tepui::test

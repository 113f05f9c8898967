// SPDX-License-Identifier: MIT
#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace tepui {
namespace {

using std::chrono::milliseconds;

// Every piece once, whoever waits: workers that still look, workers that sleep, and a caller that
// falls asleep because a worker's piece is long.
TEST(ThreadPool, EveryPieceRunsOnceWhoeverSleeps) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 400; ++round) {
      const int pieces = round % 7;
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(pieces));
      std::atomic<int> threads_out_of_range = 0;
      if (round % 100 == 50) std::this_thread::sleep_for(milliseconds(5));
      pool.for_each(pieces, [&](std::int64_t piece, int thread) {
        ++runs[static_cast<std::size_t>(piece)];
        if (thread < 0 || thread >= pool.size()) ++threads_out_of_range;
        if (round % 100 == 90 && thread > 0) std::this_thread::sleep_for(milliseconds(5));
      });
      for (const auto& count : runs) ASSERT_EQ(count, 1) << "round " << round;
      ASSERT_EQ(threads_out_of_range, 0);
    }
  }
}

TEST(ThreadPool, EndsWhileItsThreadsSleepOrLook) {
  for (int i = 0; i < 50; ++i) {
    ThreadPool pool(3);
    std::atomic<std::int64_t> sum = 0;
    pool.for_each(10, [&](std::int64_t piece, int) { sum += piece; });
    EXPECT_EQ(sum, 45);
    if (i % 10 == 0) std::this_thread::sleep_for(milliseconds(2));
  }
}

}  // namespace
}  // namespace tepui

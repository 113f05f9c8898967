// SPDX-License-Identifier: MIT
#include "support/killed_runs.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <random>

namespace tepui::test {

KilledRuns kill_and_resume(const ProgramRun& run, int attempts, double seconds, unsigned seed,
                           const std::function<std::string()>& done) {
  std::mt19937 random(seed);
  KilledRuns kills;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    ProgramRun again = run;
    if (attempt % 2 == 0) {
      again.kill_when = [&, before = done()] {
        const std::string now = done();
        return !now.empty() && now != before;
      };
    } else {
      again.kill_after = seconds * static_cast<double>(1 + random() % 100) / 100;
    }
    const ProgramResult result = run_program(again);
    EXPECT_TRUE(result.code == 0 || result.code == -SIGKILL) << result.code << result.err;
    if (result.code != -SIGKILL) break;
    ++kills.killed;
    kills.midway += done().empty() ? 0 : 1;
  }
  return kills;
}

}  // namespace tepui::test

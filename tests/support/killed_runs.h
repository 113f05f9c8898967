// SPDX-License-Identifier: MIT
// A run of the program that is killed again and again and taken up where it stopped.
#pragma once

#include <functional>
#include <string>

#include "support/run_program.h"

namespace tepui::test {

struct KilledRuns {
  int killed = 0;
  int midway = 0;  // of them, those that left something done and something to do
};

// Runs `run` up to `attempts` times, until it ends by itself, and kills it each time: at a random
// moment of `seconds`, and every second time as soon as `done` names another state than it did at
// the start, so that a run is caught midway however fast the machine is. `done` reads what the
// killed run has left: "" where that is nothing, or everything.
KilledRuns kill_and_resume(const ProgramRun& run, int attempts, double seconds, unsigned seed,
                           const std::function<std::string()>& done);

}  // namespace tepui::test

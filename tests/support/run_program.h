// SPDX-License-Identifier: MIT
// Runs the tepui program as a user would and keeps what it said. A run that lasts too long is
// killed and told apart from one that ended.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace tepui::test {

struct ProgramRun {
  std::vector<std::string> arguments;
  std::filesystem::path folder;                    // to run in; empty: the test's own
  std::map<std::string, std::string> environment;  // added to the test's own
  double kill_after = 0;                           // seconds until SIGKILL; 0: never
  std::string out_to;                              // a file for stdout; "closed": none at all
};

struct ProgramResult {
  int code = 0;  // exit code, or minus the signal that ended it
  std::string out;
  std::string err;
};

// Fails the test, with code -1, if the program cannot be run or hangs for two minutes.
ProgramResult run_program(const ProgramRun& run);
ProgramResult run_tepui(std::vector<std::string> arguments);

std::size_t line_count(const std::string& text);

}  // namespace tepui::test

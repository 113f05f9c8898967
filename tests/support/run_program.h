// SPDX-License-Identifier: MIT
// Runs the tepui program as a user would and keeps what it said. A run that lasts too long is
// killed and told apart from one that ended.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
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
  std::string program{};                           // its path; empty: tepui
  std::function<bool()> kill_when{};               // asked while it runs; true: SIGKILL
};

struct ProgramResult {
  int code = 0;  // exit code, or minus the signal that ended it
  std::string out;
  std::string err;
  std::uint64_t peak_bytes = 0;  // of memory, as the system counts it, mapped pages included
};

// Types into a program on a terminal of its own, 80 columns wide, once it has shown `prompt`, and
// gives everything that it wrote until it ended. The program is looked for in PATH.
std::string type_into(const std::vector<std::string>& command,
                      const std::map<std::string, std::string>& environment,
                      const std::filesystem::path& folder, const std::string& prompt,
                      const std::string& typed);

// Fails the test, with code -1, if the program cannot be run or hangs for two minutes.
ProgramResult run_program(const ProgramRun& run);
ProgramResult run_tepui(std::vector<std::string> arguments);

std::size_t line_count(const std::string& text);

}  // namespace tepui::test

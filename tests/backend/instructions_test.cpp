// SPDX-License-Identifier: MIT
// A guard without a clock: instructions and bytes of fixed small inputs, within 3 % of what is
// committed (bench/instructions.txt, whose first line says how it is made anew).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "support/paths.h"
#include "support/run_program.h"

namespace tepui::test {
namespace {

struct Counted {
  double instructions = 0;
  double bytes = 0;
};

std::map<std::string, Counted> committed() {
  std::map<std::string, Counted> all;
  std::ifstream file(std::filesystem::path(TEPUI_SOURCE_DIR) / "bench/instructions.txt");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#")) continue;
    std::istringstream words(line);
    std::string name;
    words >> name;
    words >> all[name].instructions >> all[name].bytes;
    EXPECT_TRUE(words) << line;
  }
  return all;
}

// Callgrind's files name what they were written for, and end with the sum.
void read_part(const std::filesystem::path& path, std::map<std::string, Counted>& into) {
  std::ifstream file(path);
  std::string name;
  const std::string trigger = "desc: Trigger: Client Request: ";
  const std::string totals = "totals: ";
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(trigger)) name = line.substr(trigger.size());
    if (line.starts_with(totals) && !name.empty())
      into[name].instructions = std::stod(line.substr(totals.size()));
  }
}

TEST(Instructions, AreThoseThatAreCommitted) {
#if !defined(__OPTIMIZE__) || !defined(NDEBUG) || defined(__clang__) || __GNUC__ != 12 || \
    !defined(__x86_64__)
  GTEST_SKIP() << "the figures are those of an optimised build of g++ 12 on x86-64";
#endif
  const auto program = std::filesystem::path(TEPUI_BUILD_DIR) / "instructions";
  if (std::string(TEPUI_VALGRIND).empty() || !std::filesystem::exists(program))
    GTEST_SKIP() << "built without benchmarks or without Valgrind";
  const TemporaryFolder folder;
  ProgramRun run;
  run.program = TEPUI_VALGRIND;
  run.arguments = {"--tool=callgrind", "--collect-atstart=no", "--callgrind-out-file=out",
                   program.string()};
  run.folder = folder.path();
  const ProgramResult result = run_program(run);
  ASSERT_EQ(result.code, 0) << result.err;
  std::map<std::string, Counted> found;
  std::istringstream lines(result.out);
  for (std::string name; lines >> name;) lines >> found[name].bytes;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    read_part(entry.path(), found);
  std::map<std::string, Counted> expected = committed();
  EXPECT_EQ(found.size(), expected.size());
  std::string anew;
  for (const auto& [name, counted] : found) {
    anew += fmt::format("{} {:.0f} {:.0f}\n", name, counted.instructions, counted.bytes);
    const Counted& own = expected[name];
    EXPECT_NEAR(counted.instructions, own.instructions, 0.03 * own.instructions) << name;
    EXPECT_NEAR(counted.bytes, own.bytes, 0.03 * own.bytes) << name;
  }
  if (HasFailure()) std::printf("found:\n%s", anew.c_str());
}

}  // namespace
}  // namespace tepui::test

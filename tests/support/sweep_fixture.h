// SPDX-License-Identifier: MIT
// A study of the bundled model with two short texts, and what a sweep of it left.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/paths.h"
#include "support/run_program.h"

namespace tepui::test {

class SweepFixture : public testing::Test {
 protected:
  void SetUp() override;

  void write_text(const std::string& line);
  // study.toml: one model and two texts, in units of so many sequences.
  void write_study(int unit);

  ProgramResult run(std::vector<std::string> arguments, double kill_after = 0);
  ProgramResult good(std::vector<std::string> arguments);

  std::vector<std::string> folders_of(const std::string& out) const;
  // Every result of a sweep, the times apart.
  std::string results(const std::string& out);

  TemporaryFolder folder_;
};

}  // namespace tepui::test

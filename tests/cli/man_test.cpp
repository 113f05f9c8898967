// SPDX-License-Identifier: MIT
// Manual pages: a page for each command, without a warning of groff, with every option of the help;
// and the installed tree.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "base/mapped_file.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui {
namespace {

using test::ProgramResult;
using test::ProgramRun;
using test::run_tepui;
using test::TemporaryFolder;

ProgramResult shell(const std::filesystem::path& folder, const std::string& command) {
  ProgramRun run;
  run.program = "/bin/sh";
  run.arguments = {"-c", command};
  run.folder = folder;
  return test::run_program(run);
}

bool installed(const char* program) { return ::access(program, X_OK) == 0; }

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry);
  std::ranges::sort(files);
  return files;
}

TEST(Man, EveryPageIsWrittenAndIsTheOneThatIsPrinted) {
  TemporaryFolder folder;
  const ProgramResult all = run_tepui({"man", "--out", folder.path().string()});
  EXPECT_EQ(all.code, 0) << all.err;
  const auto pages = files_in(folder.path());
  EXPECT_EQ(pages.size(), test::line_count(all.out));
  EXPECT_GE(pages.size(), 7U);
  for (const auto& page : pages) {
    const std::string name = page.stem().string();  // tepui or tepui-scan
    std::vector<std::string> arguments{"man"};
    if (name != "tepui") arguments.push_back(name.substr(6));
    EXPECT_EQ(run_tepui(arguments).out, read_file(page).value()) << name;
  }
}

TEST(Man, GroffHasNothingToWarnOf) {
  if (!installed("/usr/bin/groff")) GTEST_SKIP() << "groff is not installed";
  TemporaryFolder folder;
  ASSERT_EQ(run_tepui({"man", "--out", folder.path().string()}).code, 0);
  for (const auto& page : files_in(folder.path())) {
    const ProgramResult checked =
        shell(folder.path(), "groff -ww -man -Tascii -z '" + page.string() + "'");
    EXPECT_EQ(checked.code, 0) << page;
    EXPECT_EQ(checked.err, "") << page;
  }
}

TEST(Man, APageReadsLikeTheHelp) {
  if (!installed("/usr/bin/groff")) GTEST_SKIP() << "groff is not installed";
  TemporaryFolder folder;
  ASSERT_EQ(run_tepui({"man", "--out", folder.path().string()}).code, 0);
  const ProgramResult page =
      shell(folder.path(), "GROFF_NO_SGR=1 groff -man -Tascii -rLL=300n tepui-scan.1 | col -bx");
  for (const char* part :
       {"tepui-scan - find a model's massive activations", "tepui scan MODEL [options]",
        "--text FILE ...", "--bos WHEN", "Default: auto.", "Values: auto, yes, no.",
        "  tepui scan gpt2 --prompt 'Summer is warm. Winter is cold.' \\\n", "tepui-export(1)"})
    EXPECT_NE(page.out.find(part), std::string::npos) << part << "\n" << page.out;
}

TEST(Man, WhatIsNoCommandIsAUsageError) {
  const ProgramResult result = run_tepui({"man", "scna"});
  EXPECT_EQ(result.code, 2);
  EXPECT_NE(result.err.find("found 'scna'"), std::string::npos) << result.err;
  EXPECT_EQ(run_tepui({"man", "scan", "--out", "x"}).code, 2);
}

TEST(Install, PutsProgramCompletionsAndPagesWhereTheyAreLookedFor) {
  TemporaryFolder folder;
  const ProgramResult done =
      shell(folder.path(), std::string(TEPUI_CMAKE) + " --install '" + TEPUI_BUILD_DIR +
                               "' --prefix '" + folder.path().string() + "/usr'");
  ASSERT_EQ(done.code, 0) << done.out << done.err;
  const auto usr = folder.path() / "usr";
  EXPECT_EQ(read_file(usr / "share/bash-completion/completions/tepui").value(),
            run_tepui({"completion", "bash"}).out);
  EXPECT_EQ(read_file(usr / "share/zsh/site-functions/_tepui").value(),
            run_tepui({"completion", "zsh"}).out);
  EXPECT_EQ(read_file(usr / "share/fish/vendor_completions.d/tepui.fish").value(),
            run_tepui({"completion", "fish"}).out);
  EXPECT_EQ(read_file(usr / "share/man/man1/tepui-scan.1").value(), run_tepui({"man", "scan"}).out);
  const ProgramResult version = shell(folder.path(), "usr/bin/tepui --version");
  EXPECT_EQ(version.out, run_tepui({"--version"}).out);
}

}  // namespace
}  // namespace tepui

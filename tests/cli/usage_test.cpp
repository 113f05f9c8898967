// SPDX-License-Identifier: MIT
// A command line that cannot be understood: exit code 2, one line on stderr that says what was
// expected and found, nothing on stdout. And the help, which names every option.
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "support/cli_inputs.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui {
namespace {

using test::data_path;
using test::kDemo;
using test::line_count;
using test::ProgramResult;
using test::run_program;
using test::run_tepui;

void expect_usage_error(const ProgramResult& result, const std::vector<std::string>& parts) {
  EXPECT_EQ(result.code, 2) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(line_count(result.err), 1U) << result.err;
  EXPECT_EQ(result.err.find("tepui: "), 0U) << result.err;
  for (const std::string& part : parts)
    EXPECT_NE(result.err.find(part), std::string::npos) << part << " is not in: " << result.err;
}

TEST(Usage, CommandsAndOptionsThatDoNotExist) {
  expect_usage_error(run_tepui({}), {"expected a command", "scan, massive, show, export", "none"});
  expect_usage_error(run_tepui({"scna", kDemo}), {"scan, massive, show, export", "found 'scna'"});
  expect_usage_error(run_tepui({"scan", kDemo, "--promt", "x"}),
                     {"no option '--promt', did you mean --prompt?"});
  expect_usage_error(run_tepui({"capture", kDemo, "--sits=q"}), {"did you mean --site?"});
  expect_usage_error(run_tepui({"scan", kDemo, "--colour"}), {"no option '--colour' ("});
  expect_usage_error(run_tepui({"scan", "--promt", "x"}), {"no option '--promt'"});
  expect_usage_error(run_tepui({"scan", "--prompt", "x"}), {"MODEL", "required"});
  expect_usage_error(run_tepui({"massive"}), {"DIR", "required", "tepui massive --help"});
  expect_usage_error(run_tepui({"massive", "a", "b"}), {"'b'", "too many"});
}

TEST(Usage, ScanTakesExactlyOneInput) {
  expect_usage_error(run_tepui({"scan", kDemo}), {"--text", "--prompt", "--ids", "found none"});
  expect_usage_error(run_tepui({"scan", kDemo, "--prompt", "x", "--ids", "y.json"}),
                     {"expected one of", "found two"});
}

TEST(Usage, ValuesOutOfRange) {
  struct Case {
    std::string option, value, expected;
  };
  const Case cases[] = {
      {"--top", "0", "expected a whole number from 1 to 1024, found '0'"},
      {"--top", "many", "found 'many'"},
      {"--top", "3x", "found '3x'"},
      {"--context", "0", "expected a whole number from 1"},
      {"--context", "1", "expected at least 2"},
      {"--context", "257", "expected at most 256"},
      {"--context", "99999999999999999999", "found '99999999999999999999'"},
      {"--sequences", "-1", "found '-1'"},
      {"--bos", "maybe", "expected auto or yes or no, found 'maybe'"},
      {"--min-abs", "nan", "expected a number above 0, found 'nan'"},
      {"--min-ratio", "-3", "expected a number above 0, found '-3'"},
      {"--keep-ratio", "1e999", "found '1e999'"},
      {"--backend", "gpu", "vulkan:N or reference, found 'gpu'"},
      {"--backend", "vulkan:x", "expected auto or cpu or vulkan"},
      {"--threads", "0", "found '0'"},
      {"--wave", "0", "found '0'"},
      {"--memory", "3 apples", "expected a number of bytes or one with a unit such as 4GiB"},
      {"--memory", "-1", "expected a number of bytes or one with a unit such as 4GiB"},
      {"--sites", "resid_pots", "resid_post"},
      {"--sites", "resid_post.8", "0-7"},
      {"--sites", "resid_post.3-1", "resid_post.3-1"},
      {"--sites", "resid_post.x", "FIRST-LAST"},
      {"--sites", "embeddings.0", "embeddings has no layers"},
      {"--sites", "logits", "\"logits\""},
      {"--sites", "", "LIST"},
  };
  const std::string sample = data_path("demo-model/sample.txt").string();
  for (const Case& c : cases) {
    SCOPED_TRACE(c.option + " " + c.value);
    expect_usage_error(run_tepui({"scan", kDemo, "--text", sample, c.option + "=" + c.value}),
                       {c.option, c.expected});
  }
}

TEST(Usage, VerifyChecksItsOptions) {
  expect_usage_error(run_tepui({"verify"}), {"MODEL", "required"});
  expect_usage_error(run_tepui({"verify", kDemo, "--against", "gpu"}),
                     {"--against", "found 'gpu'"});
  expect_usage_error(run_tepui({"verify", kDemo, "--prompt", "x", "--ids", "y.json"}),
                     {"--prompt", "--ids", "found both"});
}

TEST(Usage, ExportChecksItsOptions) {
  expect_usage_error(run_tepui({"export", "x", "--format", "xml"}),
                     {"--format", "csv or jsonl or npz"});
  expect_usage_error(run_tepui({"export", "x", "--table", "rows"}), {"--table", "'rows'"});
}

TEST(Usage, ShowChecksItsOptions) {
  test::TemporaryFolder folder;
  const std::string s = (folder.path() / "s").string();
  ASSERT_EQ(run_tepui({"scan", kDemo, "--prompt", "x", "--out", s}).code, 0);
  struct Case {
    std::vector<std::string> options;
    std::string expected;
  };
  const Case cases[] = {{{"--site", "nowhere"}, "'nowhere'"},
                        {{"--site", "mlp_out"}, "expected one of resid_post"},
                        {{"--layers", "8"}, "none of them was scanned"},
                        {{"--layers", "2-1"}, "expected layers such as 3, 0-7"},
                        {{"--only", "layers,colors"}, "found 'colors'"},
                        {{"--columns", "0"}, "found '0'"},
                        {{"--sequence", "-1"}, "expected a whole number from 0"},
                        {{"--sequence", "1"}, "expected one of the 1 scanned"},
                        {{"--channel", "192"}, "channels 0 to 191"},
                        {{"--color", "perhaps"}, "auto or always or never"}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.options.front());
    std::vector<std::string> arguments = {"show", s};
    arguments.insert(arguments.end(), c.options.begin(), c.options.end());
    expect_usage_error(run_tepui(arguments), {c.expected});
  }
}

TEST(Usage, AnInstructionSetThatDoesNotExist) {
  test::TemporaryFolder folder;
  test::ProgramRun run;
  run.arguments = {"scan", kDemo, "--prompt", "x"};
  run.folder = folder.path();
  run.environment = {{"TEPUI_ISA", "sse9"}};
  expect_usage_error(run_program(run), {"TEPUI_ISA", "'sse9'", "portable"});
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Usage, AnErrorLeavesNothingBehind) {
  test::TemporaryFolder folder;
  test::ProgramRun run;
  run.arguments = {"scan", kDemo, "--prompt", "x", "--sites", "nowhere"};
  run.folder = folder.path();
  expect_usage_error(run_program(run), {"nowhere"});
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Help, NamesEveryCommandAndOption) {
  const std::map<std::string, std::vector<std::string>> expected = {
      {"",
       {"scan", "massive", "show", "export", "devices", "verify", "completion", "man", "--version",
        "--help", "Exit codes"}},
      {"scan", {"MODEL",     "--text",       "--prompt",  "--ids",     "--tokenizer", "--context",
                "--bos",     "--sequences",  "--top",     "--sites",   "--min-abs",   "--min-ratio",
                "--backend", "--keep-ratio", "--threads", "--memory",  "--wave",      "--out",
                "--json",    "resid_post",   "mlp_act",   "TEPUI_ISA", "embeddings"}},
      {"verify",
       {"MODEL", "--prompt", "--ids", "--tokenizer", "--sequences", "--sites", "--backend",
        "--against", "--threads", "--json", "Exit code"}},
      {"bench",
       {"MODEL", "--shape", "--backends", "--types", "--lengths", "--rounds", "--predict",
        "--json"}},
      {"massive", {"DIR", "--min-abs", "--min-ratio", "--top", "--json"}},
      {"show",
       {"DIR", "--site", "--layers", "--only", "--sequence", "--channel", "--top", "--columns",
        "--ascii", "--color", "quantiles"}},
      {"export",
       {"DIR", "--format", "--table", "--out", "--min-ratio", "csv", "jsonl", "npz", "observations",
        "tokens"}}};
  for (const auto& [command, words] : expected) {
    std::vector<std::string> arguments;
    if (!command.empty()) arguments.push_back(command);
    arguments.push_back("--help");
    const ProgramResult result = run_tepui(arguments);
    EXPECT_EQ(result.code, 0);
    EXPECT_EQ(result.err, "");
    for (const std::string& word : words)
      EXPECT_NE(result.out.find(word), std::string::npos) << command << " --help lacks " << word;
  }
}

TEST(Help, FitsATerminalOf100Columns) {
  for (const std::string command :
       {"scan", "massive", "show", "export", "devices", "verify", "bench", "completion", "man"}) {
    std::istringstream help(run_tepui({command, "--help"}).out);
    for (std::string line; std::getline(help, line);) EXPECT_LE(line.size(), 100U) << line;
  }
}

TEST(Help, TheVersionComesWithTheFactsOfTheBuild) {
  const ProgramResult result = run_tepui({"--version"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out.find("tepui 0."), 0U) << result.out;
  for (const char* fact : {"\nrevision ", "\ncompiler ", "\nbuild type ", "\ninstruction sets ",
                           "portable", "\nVulkan ", "\nlibraries ", "SQLite 3.", "libzip 1."})
    EXPECT_NE(result.out.find(fact), std::string::npos) << fact << " is not in " << result.out;
}

TEST(Output, WhatCannotBeWrittenIsAnError) {
  for (const char* out : {"closed", "/dev/full"}) {
    for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--help"},
                                                      {"scan", kDemo, "--prompt", "x"},
                                                      {"scan", kDemo, "--prompt", "x", "--json"}}) {
      SCOPED_TRACE(arguments.front() + std::string(" > ") + out);
      test::TemporaryFolder folder;
      test::ProgramRun run;
      run.arguments = arguments;
      run.folder = folder.path();
      run.out_to = out;
      const ProgramResult result = run_program(run);
      EXPECT_EQ(result.code, 1);
      EXPECT_EQ(result.err, "tepui: standard output: cannot be written\n");
    }
  }
}

TEST(Usage, AnOptionThatIsGivenTwice) {
  expect_usage_error(run_tepui({"generate", kDemo, "--prompt", "a", "--prompt", "b"}),
                     {"--prompt: expected once, found 2 times ("});
  expect_usage_error(run_tepui({"capture", kDemo, "--edit", "a", "--edit", "b"}),
                     {"--edit: expected once, found 2 times; edits of one run are joined by ';'"});
}

TEST(Usage, SitesOfOneNameInEveryCommand) {
  for (const char* command : {"scan", "capture", "probe"}) {
    const std::string help = run_tepui({command, "--help"}).out;
    EXPECT_NE(help.find("--sites"), std::string::npos) << help;
    for (const char* option : {"--site", "--sites"}) {
      const ProgramResult result =
          run_tepui({command, kDemo, "--prompt", "x", "--out", "/dev/null/no", option, "nowhere",
                     std::string(command) == "probe" ? "--target=first" : "--backend=cpu"});
      expect_usage_error(result, {"\"nowhere\" is not a site"});
    }
  }
}

TEST(Usage, SitesThatAreNeverHeldWhole) {
  for (const char* site : {"attn_scores", "attn_probs", "logits"})
    expect_usage_error(run_tepui({"scan", kDemo, "--prompt", "x", "--sites", site}),
                       {"is not a site that can be scanned: they are never held whole; expected"});
}

}  // namespace
}  // namespace tepui

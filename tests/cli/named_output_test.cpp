// SPDX-License-Identifier: MIT
// Files that a command is told to write: never its own inputs nor a store of results; pipes are no
// inputs; and what cannot be written is said.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/mapped_file.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui::test {
namespace {

class NamedOutput : public ::testing::Test {
 protected:
  NamedOutput() {
    write_file(file("text.txt"), read_file(data_path("demo-model/sample.txt")).value());
  }

  std::filesystem::path file(const std::string& name) const { return folder_.path() / name; }
  ProgramResult tepui(std::vector<std::string> arguments, const std::string& out_to = "") const {
    return run_program({std::move(arguments), folder_.path(), {}, 0, out_to});
  }
  // Of a command that has a small run over the text.
  ProgramResult measure(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin() + 1, data_path("demo-model").string());
    for (const char* word : {"--text", "text.txt", "--sequences", "2", "--context", "32"})
      arguments.emplace_back(word);
    return tepui(std::move(arguments));
  }
  void expect_refused(const ProgramResult& result, const std::string& part) const {
    EXPECT_EQ(result.code, 2) << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
  }

  TemporaryFolder folder_;
};

TEST_F(NamedOutput, IsNoInput) {
  const std::string store = "s/scan.sqlite";
  ASSERT_EQ(measure({"perplexity", "--out", "s"}).code, 0);
  const std::string results = read_file(file(store)).value();
  expect_refused(tepui({"report", "s", "--out", store}), "found one that this command reads");
  const std::string text = read_file(file("text.txt")).value();
  expect_refused(measure({"perplexity", "--out", "p", "--tokens", "text.txt"}),
                 "found one that this command reads");
  EXPECT_EQ(read_file(file("text.txt")).value(), text);
  expect_refused(measure({"perplexity", "--out", "p", "--tokens", store}),
                 "found a store of results");
  EXPECT_EQ(read_file(file(store)).value(), results);
  EXPECT_EQ(measure({"perplexity", "--out", "p", "--tokens", "tokens.csv"}).code, 0);
  EXPECT_EQ(measure({"perplexity", "--out", "p", "--tokens", "tokens.csv"}).code, 0);  // again
}

TEST_F(NamedOutput, HasPredictionsToo) {
  ASSERT_EQ(tepui({"bench", "--shape", "llama-134m", "--predict", "h100", "--lengths", "16",
                   "--out", "predicted.json"})
                .code,
            0);
  EXPECT_NE(read_file(file("predicted.json")).value().find("llama-134m"), std::string::npos);
}

TEST_F(NamedOutput, PipesAreNoInputs) {
  ASSERT_EQ(::mkfifo(file("pipe").c_str(), 0600), 0);
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"scan", data_path("demo-model").string(), "--text", "pipe"},
        {"scan", data_path("demo-model").string(), "--ids", "pipe"},
        {"train", "pipe"},
        {"sweep", "pipe"}}) {
    const ProgramResult result = tepui(command);
    EXPECT_NE(result.code, 0);
    EXPECT_NE(result.err.find("expected a regular file"), std::string::npos) << result.err;
  }
}

TEST_F(NamedOutput, AFullDiskIsTold) {
  const ProgramResult result = tepui({"devices"}, "/dev/full");
  EXPECT_EQ(result.code, 1);
  EXPECT_NE(result.err.find("standard output"), std::string::npos) << result.err;
}

// A limit on the sizes of files is no signal that ends the program.
TEST_F(NamedOutput, ALimitOnFilesIsAnError) {
  ProgramRun run;
  run.program = "/bin/sh";
  run.arguments = {"-c", "ulimit -f 1; exec \"$0\" report s --out page.html", TEPUI_PROGRAM};
  ASSERT_EQ(measure({"perplexity", "--out", "s"}).code, 0);
  run.folder = folder_.path();
  const ProgramResult result = run_program(run);
  EXPECT_EQ(result.code, 1) << result.err;
  EXPECT_NE(result.err.find("page.html"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace tepui::test

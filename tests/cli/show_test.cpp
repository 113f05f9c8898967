// SPDX-License-Identifier: MIT
// `tepui show` in a pipe and on a terminal: width, letters and colours are those of where it goes.
#include <gtest/gtest.h>

#include "support/paths.h"
#include "support/run_program.h"

namespace tepui {
namespace {

using test::ProgramResult;
using test::ProgramRun;

class ShowProgram : public testing::Test {
 protected:
  ShowProgram() {
    for (const char* out : {"one", "two"}) {
      const ProgramResult scanned =
          run({"scan", test::data_path("demo-model").string(), "--prompt",
               "The first text. And one more.", "--bos", *out == 'o' ? "yes" : "no", "--out", out});
      EXPECT_EQ(scanned.code, 0) << scanned.err;
    }
  }

  ProgramResult run(std::vector<std::string> arguments,
                    std::map<std::string, std::string> environment = {}) {
    ProgramRun run;
    run.arguments = std::move(arguments);
    run.folder = folder_.path();
    run.environment = std::move(environment);
    return test::run_program(run);
  }
  std::string on_terminal(std::map<std::string, std::string> environment) {
    environment.try_emplace("TERM", "xterm");
    environment.try_emplace("LC_ALL", "C.UTF-8");
    environment.try_emplace("NO_COLOR", "");
    std::string shown =
        test::type_into({TEPUI_PROGRAM, "show", "one"}, environment, folder_.path(), "", "");
    std::erase(shown, '\r');
    return shown;
  }

  test::TemporaryFolder folder_;
};

TEST_F(ShowProgram, TellsTheWholeStory) {
  const ProgramResult page = run({"show", "one"}, {{"LC_ALL", "C.UTF-8"}});
  EXPECT_EQ(page.code, 0) << page.err;
  EXPECT_EQ(page.err, "");
  for (const char* part :
       {"Massive activations in resid_post: layers 1 to 5", "Largest values of resid_post by layer",
        "Where the largest values", "Layer x channel", "Layer x position", "Tokens that carry",
        "Distribution of |x|", "Life of channel 119 of resid_post in sequence 0", "Repeat it with",
        "\u2588"})
    EXPECT_NE(page.out.find(part), std::string::npos) << part << "\n" << page.out;
  EXPECT_EQ(page.out.find('\x1b'), std::string::npos);
}

TEST_F(ShowProgram, ComparesRuns) {
  const ProgramResult page = run({"show", "one", "two", "--only", "compare"});
  EXPECT_EQ(page.code, 0) << page.err;
  for (const char* part : {"A  one", "B  two", "2 runs side by side", "1 to 5", "none"})
    EXPECT_NE(page.out.find(part), std::string::npos) << part << "\n" << page.out;
}

TEST_F(ShowProgram, ColoursAreForTerminalsThatWantThem) {
  const std::string plain = run({"show", "one"}, {{"LC_ALL", "C.UTF-8"}}).out;
  const std::string colourful = on_terminal({});
  EXPECT_NE(colourful.find("\x1b["), std::string::npos);
  EXPECT_EQ(on_terminal({{"NO_COLOR", "1"}}), plain);
  EXPECT_EQ(on_terminal({{"TERM", "dumb"}}), plain);
  EXPECT_EQ(run({"show", "one", "--color", "always"}, {{"LC_ALL", "C.UTF-8"}}).out, colourful);
}

TEST_F(ShowProgram, ALocaleWithoutUtf8GetsPlainLetters) {
  const std::string ascii = run({"show", "one"}, {{"LC_ALL", "C"}}).out;
  for (const char letter : ascii) ASSERT_GE(letter, 0) << ascii;
  EXPECT_EQ(run({"show", "one", "--ascii"}, {{"LC_ALL", "C.UTF-8"}}).out, ascii);
}

}  // namespace
}  // namespace tepui

// SPDX-License-Identifier: MIT
// Completion in the real shells: bash and zsh on a terminal, as a user types into them, fish by its
// own question for candidates. The scripts are made by the program under test.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "support/paths.h"
#include "support/run_program.h"

namespace tepui {
namespace {

using test::run_tepui;
using test::TemporaryFolder;
using test::write_file;

using Words = std::vector<std::string>;

bool installed(const std::string& shell) {
  for (const char* folder : {"/bin/", "/usr/bin/", "/usr/local/bin/"})
    if (::access((folder + shell).c_str(), X_OK) == 0) return true;
  return false;
}

std::string script_for(const std::string& shell) {
  const auto result = run_tepui({"completion", shell});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  return result.out;
}

Words lines_of(const std::string& text) {
  std::istringstream stream(text);
  Words lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// The commands that the help lists are those that are offered: whatever is added is picked up.
Words commands_of_the_help() {
  const std::string help = run_tepui({"--help"}).out;
  Words names;
  for (const std::string& line : lines_of(help.substr(help.find("Subcommands:")))) {
    if (line.starts_with("  ") && line[2] != ' ')
      names.push_back(line.substr(2, line.find(' ', 2) - 2));
  }
  EXPECT_GE(names.size(), 5U);
  return names;
}

// A folder with files to complete, and the script of a shell.
class Completion : public testing::Test {
 protected:
  Completion() {
    write_file(folder_.path() / "my notes.txt", "x");
    std::filesystem::create_directories(folder_.path() / "runs");
    write_file(folder_.path() / "runs.txt", "x");
  }

  // The arguments that tepui gets when this is typed, tabs included.
  Words typed(const std::string& shell, const std::string& line) {
    const std::string script = (folder_.path() / ("tepui." + shell)).string();
    write_file(script, script_for(shell));
    // Results go to a file, away from what the line editor draws.
    const std::string common = "tepui() { printf '%s\\n' \"$@\" > got; }\nPS1='READY> '\n";
    std::map<std::string, std::string> environment = {
        {"TERM", "dumb"}, {"LC_ALL", "C.UTF-8"}, {"ZDOTDIR", folder_.path().string()}};
    Words command;
    if (shell == "bash") {
      write_file(folder_.path() / "rc",
                 "bind 'set enable-bracketed-paste off'\nsource '" + script + "'\n" + common);
      command = {"bash", "--noprofile", "--rcfile", (folder_.path() / "rc").string(), "-i"};
    } else {
      write_file(folder_.path() / ".zshrc",
                 "autoload -U compinit\ncompinit -u -D\nsource '" + script + "'\n" + common);
      command = {"zsh", "-d", "-i"};
    }
    const std::string shown = test::type_into(command, environment, folder_.path(), "READY> ",
                                              "tepui " + line + "\nexit\n");
    std::ifstream got(folder_.path() / "got");
    EXPECT_TRUE(got.good()) << line << " was not run:\n" << shown;
    std::stringstream text;
    text << got.rdbuf();
    std::filesystem::remove(folder_.path() / "got");
    Words words = lines_of(text.str());
    for (std::string& word : words)
      if (word.ends_with('/')) word.pop_back();  // zsh takes it back at the end of a line
    return words;
  }

  std::set<std::string> fish_offers(const std::string& line) {
    const std::string script = (folder_.path() / "tepui.fish").string();
    write_file(script, script_for("fish"));
    test::ProgramRun run;
    run.program = "/usr/bin/env";
    run.arguments = {"fish", "--no-config", "-c",
                     "source '" + script + "'; complete -C '" + line + "'"};
    run.folder = folder_.path();
    run.environment = {{"HOME", folder_.path().string()}};
    const auto result = test::run_program(run);
    EXPECT_EQ(result.code, 0) << result.err;
    std::set<std::string> offers;
    for (const std::string& candidate : lines_of(result.out))
      offers.insert(candidate.substr(0, candidate.find('\t')));
    return offers;
  }

  void completes_words_values_and_files(const std::string& shell) {
    if (!installed(shell)) GTEST_SKIP() << shell << " is not installed (tools/install --tests)";
    EXPECT_EQ(typed(shell, "sca\t"), Words({"scan"}));
    EXPECT_EQ(typed(shell, "scan m --bos y\t"), Words({"scan", "m", "--bos", "yes"}));
    EXPECT_EQ(typed(shell, "scan m --bos=y\t"), Words({"scan", "m", "--bos=yes"}));
    EXPECT_EQ(typed(shell, "scan m --sites embeddings,resid_po\t"),
              Words({"scan", "m", "--sites", "embeddings,resid_post"}));
    EXPECT_EQ(typed(shell, "scan m --text my\t"), Words({"scan", "m", "--text", "my notes.txt"}));
    // Several files, one after the other.
    EXPECT_EQ(typed(shell, "scan m --text a my\t"),
              Words({"scan", "m", "--text", "a", "my notes.txt"}));
    // Where a folder is meant, files are not offered.
    EXPECT_EQ(typed(shell, "massive ru\t"), Words({"massive", "runs"}));
    EXPECT_EQ(typed(shell, "scan m --out ru\t"), Words({"scan", "m", "--out", "runs"}));
    EXPECT_EQ(typed(shell, "export runs --format n\t"),
              Words({"export", "runs", "--format", "npz"}));
    EXPECT_EQ(typed(shell, "man expo\t"), Words({"man", "export"}));
    EXPECT_EQ(typed(shell, "--ver\t"), Words({"--version"}));
  }

  TemporaryFolder folder_;
};

TEST_F(Completion, Bash) { completes_words_values_and_files("bash"); }

TEST_F(Completion, Zsh) { completes_words_values_and_files("zsh"); }

TEST_F(Completion, Fish) {
  using Offers = std::set<std::string>;
  if (!installed("fish")) GTEST_SKIP() << "fish is not installed (tools/install --tests)";
  const Words commands = commands_of_the_help();
  EXPECT_EQ(fish_offers("tepui "), Offers(commands.begin(), commands.end()));
  EXPECT_EQ(fish_offers("tepui sca"), Offers({"scan"}));
  EXPECT_EQ(fish_offers("tepui scan m --bos "), Offers({"auto", "no", "yes"}));
  EXPECT_EQ(fish_offers("tepui scan m --sites embeddings,resid_po"),
            Offers({"embeddings,resid_post"}));
  EXPECT_EQ(fish_offers("tepui scan m --sites resid_po"), Offers({"resid_post"}));
  EXPECT_EQ(fish_offers("tepui capture m --site router_l"), Offers({"router_logits"}));
  EXPECT_EQ(fish_offers("tepui scan m --sites=resid_po"), Offers({"--sites=resid_post"}));
  EXPECT_EQ(fish_offers("tepui scan m --text my"), Offers({"my notes.txt"}));
  EXPECT_EQ(fish_offers("tepui massive ru"), Offers({"runs/"}));
  EXPECT_EQ(fish_offers("tepui export runs --format n"), Offers({"npz"}));
  EXPECT_EQ(fish_offers("tepui man expo"), Offers({"export"}));
}

// The options in the left column of a help text.
Words options_of_the_help(const std::string& command) {
  Words options;
  for (const std::string& line : lines_of(run_tepui({command, "--help"}).out)) {
    if (!line.starts_with("  -")) continue;
    std::istringstream words(line);
    std::string word;
    while (words >> word && word.starts_with('-')) {
      for (std::size_t comma = 0; (comma = word.find(',')) != std::string::npos;) {
        options.push_back(word.substr(0, comma));
        word = word.substr(comma + 1);
      }
      if (!word.empty()) options.push_back(word);
    }
  }
  return options;
}

TEST(CompletionScript, KnowsEveryCommandAndOptionOfTheHelp) {
  const std::string bash = script_for("bash");
  const std::string zsh = script_for("zsh");
  for (const std::string& command : commands_of_the_help()) {
    EXPECT_NE(zsh.find("\n    " + command + ")\n"), std::string::npos) << command;
    const std::size_t begin = bash.find("    '" + command + "') echo '");
    ASSERT_NE(begin, std::string::npos) << command;
    const std::string line = bash.substr(begin, bash.find('\n', begin) - begin);
    std::string offered = line.substr(line.find("echo '") + 5);
    std::ranges::replace(offered, '\'', ' ');
    const Words options = options_of_the_help(command);
    EXPECT_GE(options.size(), 2U) << command;  // -h and --help at least
    for (const std::string& option : options)
      EXPECT_NE(offered.find(" " + option + " "), std::string::npos) << command << " " << option;
  }
}

TEST(CompletionScript, AnUnknownShellIsAUsageError) {
  const auto result = run_tepui({"completion", "csh"});
  EXPECT_EQ(result.code, 2);
  EXPECT_NE(result.err.find("bash or zsh or fish"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace tepui

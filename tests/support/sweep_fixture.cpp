// SPDX-License-Identifier: MIT
#include "support/sweep_fixture.h"

#include <fmt/format.h>

#include <algorithm>

namespace tepui::test {

namespace fs = std::filesystem;

void SweepFixture::SetUp() {
  write_text("Far away lay the hills. Nobody spoke, and the night grew cold; so it went on. ");
  write_study(2);
}

void SweepFixture::write_text(const std::string& line) {
  std::string text;
  for (int i = 0; i < 12; ++i) text += fmt::format("{} {}", i, line);
  write_file(folder_.path() / "a.txt", text);
}

void SweepFixture::write_study(int unit) {
  write_file(folder_.path() / "study.toml",
             fmt::format("[study]\nunit = {}\n[[model]]\npath = \"{}\"\nname = \"demo\"\n"
                         "[[text]]\nfiles = \"a.txt\"\ncontext = 16\nsequences = 9\n"
                         "[[text]]\nfiles = \"a.txt\"\nname = \"plain\"\ncontext = 12\n"
                         "sequences = 5\nbos = \"no\"\n"
                         "[[branch]]\nname = \"layer {{layer}}\"\n"
                         "edits = \"resid_post.{{layer}}:0:36,119=zero\"\nlayer = [1, 3]\n",
                         unit, data_path("demo-model").string()));
}

ProgramResult SweepFixture::run(std::vector<std::string> arguments, double kill_after) {
  return run_program({std::move(arguments), folder_.path(), {}, kill_after, ""});
}

ProgramResult SweepFixture::good(std::vector<std::string> arguments) {
  const ProgramResult result = run(std::move(arguments));
  EXPECT_EQ(result.code, 0) << result.err;
  return result;
}

std::vector<std::string> SweepFixture::folders_of(const std::string& out) const {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder_.path() / out))
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

std::string SweepFixture::results(const std::string& out) {
  std::string text;
  for (const std::string& name : folders_of(out)) {
    const std::string store = out + "/" + name;
    for (const char* table : {"sequences", "observations", "series", "branches", "likelihoods"})
      text += name + "\n" + good({"export", store, "--table", table, "--out", "-"}).out;
  }
  return text;
}

}  // namespace tepui::test

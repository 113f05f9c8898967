// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "support/run_program.h"

namespace tepui::test {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kLongestSeconds = 60;

// More of what the other side wrote; false: it ended, or the time is up.
bool read_more(int terminal, Clock::time_point end, std::string& text) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
  pollfd readable{terminal, POLLIN, 0};
  if (left.count() <= 0 || ::poll(&readable, 1, static_cast<int>(left.count())) <= 0) return false;
  std::array<char, 4096> buffer;
  const ssize_t count = ::read(terminal, buffer.data(), buffer.size());
  if (count <= 0) return false;
  text.append(buffer.data(), static_cast<std::size_t>(count));
  return true;
}

}  // namespace

std::string type_into(const std::vector<std::string>& command,
                      const std::map<std::string, std::string>& environment,
                      const std::filesystem::path& folder, const std::string& prompt,
                      const std::string& typed) {
  std::vector<std::string> words = command;
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  winsize size{};
  size.ws_row = 24;
  size.ws_col = 80;
  int terminal = -1;
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    if (::chdir(folder.c_str()) == 0) ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  const auto end = Clock::now() + std::chrono::seconds(kLongestSeconds);
  std::string text;
  while (text.find(prompt) == std::string::npos && read_more(terminal, end, text)) {
  }
  EXPECT_NE(text.find(prompt), std::string::npos) << command[0] << " shows no prompt:\n" << text;
  EXPECT_EQ(::write(terminal, typed.data(), typed.size()), static_cast<ssize_t>(typed.size()));
  while (read_more(terminal, end, text)) {
  }
  EXPECT_LT(Clock::now(), end) << command[0] << " did not end:\n" << text;
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(terminal);
  return text;
}

}  // namespace tepui::test

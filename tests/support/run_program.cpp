// SPDX-License-Identifier: MIT
#include "support/run_program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace tepui::test {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kLongest = 120;

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment_of(const ProgramRun& run) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text(*entry);
    if (!run.environment.contains(text.substr(0, text.find('=')))) all.push_back(text);
  }
  for (const auto& [name, value] : run.environment) all.push_back(name + "=" + value);
  return all;
}

// In the child, between fork and exec: system calls only.
[[noreturn]] void become(const ProgramRun& run, char* const* arguments, char* const* environment,
                         int out, int err) {
  if (!run.folder.empty() && ::chdir(run.folder.c_str()) != 0) ::_exit(126);
  ::dup2(err, STDERR_FILENO);
  if (run.out_to == "closed") {
    ::close(STDOUT_FILENO);
  } else if (!run.out_to.empty()) {
    ::dup2(::open(run.out_to.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666), STDOUT_FILENO);
  } else {
    ::dup2(out, STDOUT_FILENO);
  }
  ::execve(arguments[0], arguments, environment);
  ::_exit(127);
}

// Reads both pipes until they close, the time is up or `stop` says so; false: they did not close.
bool read_all(int out, int err, double seconds, const std::function<bool()>& stop,
              ProgramResult& result) {
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  std::array<pollfd, 2> pipes = {pollfd{out, POLLIN, 0}, pollfd{err, POLLIN, 0}};
  std::array<std::string*, 2> texts = {&result.out, &result.err};
  while (pipes[0].fd >= 0 || pipes[1].fd >= 0) {
    const double left = std::chrono::duration<double>(end - Clock::now()).count();
    if (left <= 0 || (stop && stop())) return false;
    const int wait = stop ? 1 : static_cast<int>(left * 1000) + 1;
    if (::poll(pipes.data(), pipes.size(), wait) <= 0) continue;
    for (std::size_t i = 0; i < pipes.size(); ++i) {
      if (pipes[i].fd < 0 || pipes[i].revents == 0) continue;
      std::array<char, 1 << 16> buffer;
      const ssize_t count = ::read(pipes[i].fd, buffer.data(), buffer.size());
      if (count > 0)
        texts[i]->append(buffer.data(), static_cast<std::size_t>(count));
      else
        pipes[i].fd = -1;
    }
  }
  return true;
}

}  // namespace

ProgramResult run_program(const ProgramRun& run) {
  std::vector<std::string> words = run.arguments;
  words.insert(words.begin(), run.program.empty() ? TEPUI_PROGRAM : run.program);
  std::vector<std::string> variables = environment_of(run);
  const auto argv = pointers(words);
  const auto envp = pointers(variables);
  int out[2];
  int err[2];
  ProgramResult result;
  if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) {
    ADD_FAILURE() << "no pipe";
    return {-1, "", ""};
  }
  const pid_t child = ::fork();
  if (child == 0) become(run, argv.data(), envp.data(), out[1], err[1]);
  ::close(out[1]);
  ::close(err[1]);
  const bool to_be_killed = run.kill_after > 0;
  const double longest = to_be_killed ? run.kill_after : kLongest;
  const auto start = Clock::now();
  const bool ended = read_all(out[0], err[0], longest, run.kill_when, result);
  const bool too_long =
      !ended && std::chrono::duration<double>(Clock::now() - start).count() >= kLongest;
  if (!ended) ::kill(child, SIGKILL);
  int status = 0;
  struct rusage usage = {};
  ::wait4(child, &status, 0, &usage);
  result.peak_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) << 10;
  ::close(out[0]);
  ::close(err[0]);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  if (too_long) {
    ADD_FAILURE() << "the program did not end within " << kLongest << " s";
    result.code = -1;
  }
  return result;
}

ProgramResult run_tepui(std::vector<std::string> arguments) {
  return run_program(ProgramRun{std::move(arguments), {}, {}, 0, ""});
}

std::size_t line_count(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

}  // namespace tepui::test

// SPDX-License-Identifier: MIT
#include "interrupt.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace tepui {

namespace {

constexpr char kInterrupted = 'i';
constexpr char kOver = 'o';

std::atomic<int> interrupt_pipe{-1};

// All that a signal handler may do: the rest is the thread's.
void note_interrupt(int /*signal*/) {
  const int before = errno;
  const char byte = kInterrupted;
  static_cast<void>(!::write(interrupt_pipe.load(), &byte, 1));
  errno = before;
}

}  // namespace

InterruptNotice::InterruptNotice() {
  struct sigaction now {};
  if (::sigaction(SIGINT, nullptr, &now) != 0 || now.sa_handler != SIG_DFL) return;
  if (::pipe2(pipe_, O_CLOEXEC) != 0) return;
  interrupt_pipe = pipe_[1];
  thread_ = std::thread([this] { wait(); });
  struct sigaction action {};
  action.sa_handler = note_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
}

InterruptNotice::~InterruptNotice() {
  if (!thread_.joinable()) return;
  ::signal(SIGINT, SIG_DFL);
  const char byte = kOver;
  static_cast<void>(!::write(pipe_[1], &byte, 1));
  thread_.join();
  ::close(pipe_[0]);
  ::close(pipe_[1]);
}

void InterruptNotice::tell(std::function<std::string()> kept) {
  const std::lock_guard lock(mutex_);
  kept_ = std::move(kept);
}

void InterruptNotice::wait() {
  char byte = kOver;
  ssize_t count = 0;
  do count = ::read(pipe_[0], &byte, 1);
  while (count < 0 && errno == EINTR);
  if (count != 1 || byte != kInterrupted) return;
  std::string line = ::isatty(STDERR_FILENO) == 1 ? "\n" : "";
  line += "tepui: interrupted";
  {
    const std::lock_guard lock(mutex_);
    const std::string kept = kept_ ? kept_() : "";
    if (!kept.empty()) line += ": " + kept;
  }
  line += "\n";
  static_cast<void>(!::write(STDERR_FILENO, line.data(), line.size()));
  ::signal(SIGINT, SIG_DFL);
  ::kill(::getpid(), SIGINT);
}

}  // namespace tepui

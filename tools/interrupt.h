// SPDX-License-Identifier: MIT
// Ctrl-C: before the signal ends the process, one line on standard error says what is kept, below
// the progress line if there is one. A second Ctrl-C ends it at once.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace tepui {

// One at a time. Does nothing where the signal is ignored, as it is for jobs in the background.
class InterruptNotice {
 public:
  InterruptNotice();
  ~InterruptNotice();
  InterruptNotice(const InterruptNotice&) = delete;
  InterruptNotice& operator=(const InterruptNotice&) = delete;

  // What tells, from now on, what is kept; it is called on another thread.
  void tell(std::function<std::string()> kept);

 private:
  void wait();

  std::mutex mutex_;
  std::function<std::string()> kept_;
  int pipe_[2] = {-1, -1};
  std::thread thread_;
};

}  // namespace tepui

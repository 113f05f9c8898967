// SPDX-License-Identifier: MIT
// A line on standard error that shows how far long work is: a bar, the rate and the time left. It
// is drawn only on a terminal, at most ten times a second, and is gone when the work is done.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tepui {

class Progress {
 public:
  Progress(std::string label, std::string unit);
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(std::int64_t done, std::int64_t total);
  void finish();  // clears the line

  // The line for `done` of `total` after so many seconds, at most `columns` wide.
  static std::string line(const std::string& label, const std::string& unit, std::int64_t done,
                          std::int64_t total, double seconds, int columns);

 private:
  using Clock = std::chrono::steady_clock;

  std::string label_;
  std::string unit_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point start_;
  Clock::time_point last_;
};

}  // namespace tepui

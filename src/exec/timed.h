// SPDX-License-Identifier: MIT
// Adds the seconds of a scope to a sum.
#pragma once

#include <chrono>

namespace tepui {

class Timed {
 public:
  using Clock = std::chrono::steady_clock;
  static double since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  explicit Timed(double& to) : to_(to) {}
  ~Timed() { to_ += since(start_); }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  double& to_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace tepui

// SPDX-License-Identifier: MIT
// One line on stderr that says how far a long run is: label, bar, percent, rate, time left. It is
// drawn on terminals alone (a pipe or a file gets nothing), ten times a second at most, and removes
// itself at the end. Used by one thread.
#pragma once

#include <chrono>
#include <string>
#include <utility>

namespace tepui {

struct ProgressState {
  std::string label;   // ASCII
  std::string unit;    // in the plural: "tokens"
  double total = 0;    // units in all
  double done = 0;     // of total
  double skipped = 0;  // of done: what a resumed run found done, which says nothing of its rate
  double seconds = 0;  // since the start
};

// "scan [########--------] 50 % 1843 tokens/s 0:07 left", at most `columns` wide and without
// control characters; the bar takes the room that is left, or goes. Rate and time left are absent
// until they can be told.
std::string progress_line(const ProgressState& state, int columns);

// Seven seconds are "0:07", ten minutes "10:00", an hour and a half "1:30:00".
std::string clock_time(double seconds);

class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  Progress(std::string label, std::string unit, double total, int descriptor = 2,
           Clock::time_point now = Clock::now());
  ~Progress();  // finishes
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void skip(double units);  // once, before the first update
  void update(double done,
              Clock::time_point now = Clock::now());  // of total, with what was skipped
  void relabel(std::string label) { state_.label = std::move(label); }
  void finish();  // clears the line; later updates draw nothing

 private:
  void write_all(const std::string& text) const;
  int columns() const;

  ProgressState state_;
  int descriptor_;
  bool visible_;
  bool drawn_ = false;
  Clock::time_point start_;
  Clock::time_point last_;
};

}  // namespace tepui

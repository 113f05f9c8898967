// SPDX-License-Identifier: MIT
#include "base/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace tepui {
namespace {

constexpr auto kBetweenDraws = std::chrono::milliseconds(100);
constexpr int kShortestBar = 8;
constexpr int kLongestBar = 40;
constexpr const char* kClearLine = "\r\x1b[K";

std::string rate_text(double rate, const std::string& unit) {
  return rate < 10 ? fmt::format(" {:.1f} {}/s", rate, unit)
                   : fmt::format(" {:.0f} {}/s", rate, unit);
}

}  // namespace

std::string clock_time(double seconds) {
  constexpr double kMost = 359'999;  // 99:59:59; more is of no use to anyone who waits
  const auto whole = static_cast<long>(std::round(std::clamp(seconds, 0.0, kMost)));
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string progress_line(const ProgressState& state, int columns) {
  const double share = state.total > 0 ? std::clamp(state.done / state.total, 0.0, 1.0) : 0.0;
  // Rounded down, so that 100 % is never said before the end.
  std::string after = fmt::format(" {} %", static_cast<int>(share * 100));
  const double fresh = state.done - state.skipped;
  if (fresh > 0 && state.seconds > 0) {
    const double rate = fresh / state.seconds;
    after += rate_text(rate, state.unit);
    after += fmt::format(" {} left", clock_time(std::max(0.0, state.total - state.done) / rate));
  }
  const auto width = static_cast<std::size_t>(std::max(columns, 0));
  std::string line = state.label;
  const int room = columns - static_cast<int>(line.size() + after.size()) - 3;  // " [" and "]"
  if (room >= kShortestBar) {
    const auto length = static_cast<std::size_t>(std::min(room, kLongestBar));
    const auto full = static_cast<std::size_t>(share * static_cast<double>(length));
    line += fmt::format(" [{}{}]", std::string(full, '#'), std::string(length - full, '-'));
  }
  line += after;
  if (line.size() > width) line.resize(width);
  return line;
}

Progress::Progress(std::string label, std::string unit, double total, int descriptor,
                   Clock::time_point now)
    : descriptor_(descriptor), visible_(::isatty(descriptor) == 1), start_(now) {
  state_.label = std::move(label);
  state_.unit = std::move(unit);
  state_.total = total;
}

Progress::~Progress() { finish(); }

void Progress::skip(double units) {
  state_.skipped = units;
  state_.done = units;
}

void Progress::update(double done, Clock::time_point now) {
  state_.done = done;
  if (!visible_ || (drawn_ && now - last_ < kBetweenDraws)) return;
  state_.seconds = std::chrono::duration<double>(now - start_).count();
  // The last column stays free: some terminals wrap when it is written.
  write_all(fmt::format("\r{}\x1b[K", progress_line(state_, columns() - 1)));
  drawn_ = true;
  last_ = now;
}

void Progress::finish() {
  if (drawn_) write_all(kClearLine);
  drawn_ = false;
  visible_ = false;
}

void Progress::write_all(const std::string& text) const {
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(descriptor_, text.data() + written, text.size() - written);
    if (count <= 0) return;  // a terminal that went away is no reason to stop the run
    written += static_cast<std::size_t>(count);
  }
}

int Progress::columns() const {
  struct winsize size {};
  const bool known = ::ioctl(descriptor_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

}  // namespace tepui

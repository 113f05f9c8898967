// SPDX-License-Identifier: MIT
#include "base/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace tepui {

namespace {

constexpr auto kBetweenLines = std::chrono::milliseconds(100);

int columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

// "3 s", "4:05", "2:10:00"
std::string duration(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

Progress::Progress(std::string label, std::string unit)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      terminal_(::isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      last_(start_) {}

std::string Progress::line(const std::string& label, const std::string& unit, std::int64_t done,
                           std::int64_t total, double seconds, int columns) {
  constexpr int kBar = 24;
  const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1.0;
  const int full = std::clamp(static_cast<int>(share * kBar), 0, kBar);
  const std::string bar(static_cast<std::size_t>(full), '#');
  std::string text = fmt::format("{} [{:-<{}}] {:3.0f} %", label, bar, kBar, 100.0 * share);
  if (done > 0 && seconds > 0) {
    const double rate = static_cast<double>(done) / seconds;
    const double left = static_cast<double>(std::max<std::int64_t>(total - done, 0)) / rate;
    text += fmt::format("  {:.0f} {}/s, {} left", rate, unit, duration(left));
  }
  return text.substr(0, static_cast<std::size_t>(std::max(columns - 1, 0)));
}

void Progress::update(std::int64_t done, std::int64_t total) {
  if (!terminal_) return;
  const auto now = Clock::now();
  if (drawn_ && now - last_ < kBetweenLines) return;
  last_ = now;
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  fmt::print(stderr, "\r\x1b[K{}", line(label_, unit_, done, total, seconds, columns()));
  std::fflush(stderr);
}

void Progress::finish() {
  if (!drawn_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "base/progress.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <string>

namespace tepui {
namespace {

using namespace std::chrono_literals;

TEST(ClockTime, GrowsFromSecondsToHours) {
  EXPECT_EQ(clock_time(0), "0:00");
  EXPECT_EQ(clock_time(7), "0:07");
  EXPECT_EQ(clock_time(59.6), "1:00");
  EXPECT_EQ(clock_time(600), "10:00");
  EXPECT_EQ(clock_time(5400), "1:30:00");
  EXPECT_EQ(clock_time(1e30), "99:59:59");
  EXPECT_EQ(clock_time(-1), "0:00");
}

TEST(ProgressLine, HasAllParts) {
  EXPECT_EQ(progress_line({"scan", "tokens", 2000, 1000, 0, 10}, 60),
            "scan [############-------------] 50 % 100 tokens/s 0:10 left");
}

TEST(ProgressLine, BeforeAnythingIsDone) {
  EXPECT_EQ(progress_line({"scan", "tokens", 2000, 0, 0, 3}, 24), "scan [-------------] 0 %");
  EXPECT_EQ(progress_line({"scan", "tokens", 0, 0, 0, 0}, 24), "scan [-------------] 0 %");
}

TEST(ProgressLine, WhatWasSkippedIsNotInTheRate) {
  const std::string line = progress_line({"scan", "tokens", 2000, 1500, 1400, 10}, 80);
  EXPECT_NE(line.find("75 % 10 tokens/s 0:50 left"), std::string::npos) << line;
  const std::string resumed = progress_line({"scan", "tokens", 2000, 1400, 1400, 10}, 80);
  EXPECT_EQ(resumed.find("tokens/s"), std::string::npos) << resumed;
}

TEST(ProgressLine, SaysAHundredPercentOnlyAtTheEnd) {
  EXPECT_NE(progress_line({"x", "t", 1000, 999, 0, 1}, 80).find(" 99 %"), std::string::npos);
  EXPECT_NE(progress_line({"x", "t", 1000, 1000, 0, 1}, 80).find(" 100 %"), std::string::npos);
  EXPECT_NE(progress_line({"x", "t", 1000, 1200, 0, 1}, 80).find(" 100 %"), std::string::npos);
}

TEST(ProgressLine, SlowRatesKeepADigit) {
  const std::string line = progress_line({"x", "tokens", 100, 5, 0, 10}, 80);
  EXPECT_NE(line.find(" 0.5 tokens/s 3:10 left"), std::string::npos) << line;
}

TEST(ProgressLine, NeverIsWiderThanTheTerminal) {
  const ProgressState state{"a label of some length", "tokens", 2e6, 1e6, 0, 12345};
  for (int columns = 0; columns < 200; ++columns)
    EXPECT_LE(progress_line(state, columns).size(), static_cast<std::size_t>(columns));
  EXPECT_EQ(progress_line(state, -5), "");
}

TEST(Progress, WritesNothingIntoAPipe) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  {
    Progress progress("scan", "tokens", 100, ends[1]);
    for (int done = 0; done <= 100; ++done) progress.update(done);
    progress.finish();
  }
  ::close(ends[1]);
  char byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), 0);
  ::close(ends[0]);
}

// A pseudo terminal: what is written to `terminal` can be read from `screen`.
class Terminal : public testing::Test {
 protected:
  void SetUp() override {
    screen_ = ::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (screen_ < 0 || ::grantpt(screen_) != 0 || ::unlockpt(screen_) != 0)
      GTEST_SKIP() << "no pseudo terminals here";
    terminal_ = ::open(::ptsname(screen_), O_RDWR | O_NOCTTY);
    if (terminal_ < 0) GTEST_SKIP() << "no pseudo terminals here";
    struct winsize size {};
    size.ws_col = 60;
    ASSERT_EQ(::ioctl(terminal_, TIOCSWINSZ, &size), 0);
  }
  void TearDown() override {
    if (terminal_ >= 0) ::close(terminal_);
    if (screen_ >= 0) ::close(screen_);
  }

  std::string read_screen() const {
    std::string text;
    char buffer[4096];
    while (true) {
      const ssize_t count = ::read(screen_, buffer, sizeof(buffer));
      if (count <= 0) return text;
      text.append(buffer, static_cast<std::size_t>(count));
    }
  }

  int screen_ = -1;
  int terminal_ = -1;
};

TEST_F(Terminal, DrawsTenTimesASecondAtMostAndClearsItself) {
  const Progress::Clock::time_point start{};
  Progress progress("scan", "tokens", 1000, terminal_, start);
  for (int step = 0; step < 1000; ++step) progress.update(step, start + step * 1ms);
  const std::string drawn = read_screen();
  EXPECT_EQ(std::count(drawn.begin(), drawn.end(), '\r'), 10) << drawn;
  EXPECT_NE(drawn.find("90 %"), std::string::npos) << drawn;
  progress.finish();
  EXPECT_EQ(read_screen(), "\r\x1b[K");
  progress.update(1000, start + 5s);
  progress.finish();
  EXPECT_EQ(read_screen(), "");
}

TEST_F(Terminal, KeepsToTheWidth) {
  const Progress::Clock::time_point start{};
  Progress progress("a rather long label for a line", "tokens", 1000, terminal_, start);
  progress.update(500, start + 1s);
  const std::string drawn = read_screen();
  EXPECT_LE(drawn.size(), std::string("\r\x1b[K").size() + 59) << drawn;
  EXPECT_NE(drawn.find("50 % 500 tokens/s"), std::string::npos) << drawn;
}

TEST_F(Terminal, ClearsNothingWhereNothingWasDrawn) {
  { const Progress progress("scan", "tokens", 1000, terminal_); }
  EXPECT_EQ(read_screen(), "");
}

TEST_F(Terminal, GoesOnFromWhatWasDone) {
  const Progress::Clock::time_point start{};
  Progress progress("scan", "tokens", 1000, terminal_, start);
  progress.skip(500);
  progress.update(600, start + 10s);
  const std::string drawn = read_screen();
  EXPECT_NE(drawn.find("60 % 10 tokens/s 0:40 left"), std::string::npos) << drawn;
}

}  // namespace
}  // namespace tepui

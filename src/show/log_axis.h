// SPDX-License-Identifier: MIT
// A horizontal axis on a log scale, from a power of ten to a power of ten.
#pragma once

#include <optional>
#include <string>

namespace tepui {

class LogAxis {
 public:
  explicit LogAxis(int columns) : columns_(columns) {}

  // Widens the range; what is not a finite number above 0 has no place on the axis.
  void include(double value);
  bool empty() const { return !(low_ > 0); }

  // The column of a value, 0 to columns - 1; nothing for what has no place.
  std::optional<int> at(double value) const;

  // Its powers of ten, as many as fit, each label beginning at its column: "1       10      100".
  std::string ruler() const;

 private:
  int first_power() const;
  int last_power() const;

  int columns_;
  double low_ = 0;
  double high_ = 0;
};

}  // namespace tepui

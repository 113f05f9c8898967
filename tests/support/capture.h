// SPDX-License-Identifier: MIT
// A metric that brings a site's whole value back, and a sink that keeps every row: for tests that
// look at everything.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tepui/metric.h"

namespace tepui::test {

// Rows of one sequence at one point, [T, width].
using Captured =
    std::map<std::pair<std::pair<int, int>, int>, std::vector<float>>;  // (layer, site), sequence
std::pair<std::pair<int, int>, int> capture_key(Point point, int sequence);

class Capture : public Metric {
 public:
  explicit Capture(Captured& into) : into_(into) {}
  std::string_view name() const override { return "capture"; }
  std::vector<Value> emit(EmitContext& context) const override;
  Status rows(std::span<const HostView> outputs, const TapContext& context,
              RowSink& sink) const override;

 private:
  Captured& into_;
};

// Everything that was added, as text lines with exact bits, sorted: two runs agree when their lines
// do.
class TextSink : public RowSink {
 public:
  Status begin_unit(int first_sequence, int last_sequence) override;
  Status add(const Observation& row) override;
  Status add(const Series& row) override;
  Status end_unit() override;

  std::vector<std::string> sorted_lines() const;
  std::vector<std::pair<int, int>> units;

 private:
  std::vector<std::string> lines_;
};

}  // namespace tepui::test

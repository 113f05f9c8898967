// SPDX-License-Identifier: MIT
// Rows with a label that three of their features tell, made by the formula of
// tools/compare_probes.py, in which scikit-learn's results for them were computed.
#pragma once

#include <cstdint>
#include <vector>

#include "train/row_source.h"

namespace tepui::test {

// In [0, 1): splitmix64 of an index.
inline double planted_unit(std::uint64_t index) {
  std::uint64_t z = index * 0x9E3779B97F4A7C15U + 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
}

class MemoryRows final : public RowSource {
 public:
  MemoryRows(int width, std::vector<float> values) : width_(width), values_(std::move(values)) {}
  std::int64_t rows() const override { return static_cast<std::int64_t>(values_.size()) / width_; }
  int width() const override { return width_; }
  Status read(std::int64_t first, std::int64_t count, std::span<float> to) const override {
    const auto width = static_cast<std::size_t>(width_);
    const auto from = std::span(values_).subspan(static_cast<std::size_t>(first) * width,
                                                 static_cast<std::size_t>(count) * width);
    std::copy(from.begin(), from.end(), to.begin());
    return {};
  }
  std::vector<float>& values() { return values_; }

 private:
  int width_;
  std::vector<float> values_;
};

struct PlantedRows {
  static constexpr int kWidth = 8;
  static constexpr int kClasses = 3;
  std::vector<float> x;
  std::vector<int> labels;
  std::vector<double> values;

  MemoryRows rows() const { return {kWidth, x}; }
};

inline PlantedRows planted_rows(std::uint64_t count = 600) {
  PlantedRows out;
  for (std::uint64_t r = 0; r < count; ++r) {
    for (std::uint64_t c = 0; c < PlantedRows::kWidth; ++c)
      out.x.push_back(static_cast<float>(2 * planted_unit(r * PlantedRows::kWidth + c) - 1));
    const float* const row = &out.x[r * PlantedRows::kWidth];
    double noise[PlantedRows::kClasses];
    int best = 0;
    double most = -10;
    for (std::uint64_t k = 0; k < PlantedRows::kClasses; ++k) {
      noise[k] = 2 * planted_unit(1'000'000 + r * PlantedRows::kClasses + k) - 1;
      const double score = 2 * double{row[k]} + 0.5 * noise[k];
      if (score > most) most = score, best = static_cast<int>(k);
    }
    out.labels.push_back(best);
    out.values.push_back(1.5 * double{row[0]} - 0.5 * double{row[3]} + 0.25 + 0.1 * noise[0]);
  }
  return out;
}

}  // namespace tepui::test

// SPDX-License-Identifier: MIT
// Rows of activations as they come out of the engine: in memory as far as they may, and behind that
// in a scratch file. The file has no name from the moment it was made, so that the system frees it
// however the process ends.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "exec/state_file.h"
#include "train/row_source.h"

namespace tepui {

// What all row stores of a run may take together; it must outlive them.
struct SpillBudget {
  std::uint64_t memory = 0;  // bytes of rows that may lie in memory
  std::uint64_t disk = 0;    // and in scratch files
  std::filesystem::path folder;

  std::uint64_t memory_taken = 0;
  std::uint64_t disk_taken = 0;
};

class RowSpill final : public RowSource {
 public:
  static constexpr std::int64_t kPieceRows = 1024;  // memory is taken for so many at once

  RowSpill(int width, SpillBudget& budget) : width_(width), budget_(&budget) {}
  ~RowSpill() override;
  RowSpill(const RowSpill&) = delete;
  RowSpill& operator=(const RowSpill&) = delete;

  // Whole rows. An error where neither memory nor disk has room for them.
  Status append(std::span<const float> rows);

  std::int64_t rows() const override { return rows_; }
  int width() const override { return width_; }
  Status read(std::int64_t first, std::int64_t count, std::span<float> to) const override;

  std::int64_t rows_in_memory() const { return resident_; }

 private:
  Status spill(std::span<const float> rows);

  int width_;
  SpillBudget* budget_;
  std::vector<std::vector<float>> pieces_;  // of kPieceRows rows each
  PositionedFile file_;
  std::int64_t rows_ = 0;
  std::int64_t resident_ = 0;  // the first ones
};

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "train/row_spill.h"

#include <unistd.h>

#include <atomic>
#include <cstring>
#include <system_error>

#include "base/assert.h"

namespace tepui {

namespace {

std::filesystem::path scratch_name(const std::filesystem::path& folder) {
  static std::atomic<unsigned> count{0};
  return folder / fmt::format("tepui-scratch-{}-{}", ::getpid(), count++);
}

}  // namespace

RowSpill::~RowSpill() {
  const auto row = static_cast<std::uint64_t>(width_) * sizeof(float);
  budget_->memory_taken -= static_cast<std::uint64_t>(pieces_.size()) * kPieceRows * row;
  budget_->disk_taken -= static_cast<std::uint64_t>(rows_ - resident_) * row;
}

Status RowSpill::append(std::span<const float> rows) {
  const auto width = static_cast<std::size_t>(width_);
  TEPUI_ASSERT(width > 0 && rows.size() % width == 0);
  const std::uint64_t piece = kPieceRows * width * sizeof(float);
  while (!rows.empty() && resident_ == rows_) {
    const std::int64_t within = resident_ % kPieceRows;
    if (within == 0 && static_cast<std::size_t>(resident_ / kPieceRows) == pieces_.size()) {
      if (budget_->memory_taken + piece > budget_->memory) break;
      budget_->memory_taken += piece;
      pieces_.emplace_back().resize(kPieceRows * width);
    }
    const auto room = static_cast<std::size_t>(kPieceRows - within) * width;
    const auto part = rows.first(std::min(room, rows.size()));
    std::memcpy(&pieces_.back()[static_cast<std::size_t>(within) * width], part.data(),
                part.size_bytes());
    rows_ += static_cast<std::int64_t>(part.size() / width);
    resident_ = rows_;
    rows = rows.subspan(part.size());
  }
  return rows.empty() ? Status{} : spill(rows);
}

Status RowSpill::spill(std::span<const float> rows) {
  if (!file_.is_open()) {
    const auto name = scratch_name(budget_->folder);
    TEPUI_TRY(file_, PositionedFile::open(name));
    std::error_code error;
    std::filesystem::remove(name, error);
    if (error)
      return fail(ErrorKind::io, "{}: cannot be removed: {}", name.string(), error.message());
  }
  if (budget_->disk_taken + rows.size_bytes() > budget_->disk)
    return fail(ErrorKind::usage,
                "rows of activations: expected at most {} bytes in memory and {} in scratch files, "
                "found more: raise --memory or --scratch, or ask for fewer places or tokens",
                budget_->memory, budget_->disk);
  const std::uint64_t at = static_cast<std::uint64_t>(rows_ - resident_) *
                           static_cast<std::uint64_t>(width_) * sizeof(float);
  TEPUI_TRY(file_.write(at, std::as_bytes(rows)));
  budget_->disk_taken += rows.size_bytes();
  rows_ += static_cast<std::int64_t>(rows.size() / static_cast<std::size_t>(width_));
  return {};
}

Status RowSpill::read(std::int64_t first, std::int64_t count, std::span<float> to) const {
  const auto width = static_cast<std::size_t>(width_);
  TEPUI_ASSERT(first >= 0 && first + count <= rows_ &&
               to.size() == static_cast<std::size_t>(count) * width);
  while (count > 0 && first < resident_) {
    const std::int64_t within = first % kPieceRows;
    const std::int64_t part = std::min({count, kPieceRows - within, resident_ - first});
    const auto values = static_cast<std::size_t>(part) * width;
    std::memcpy(to.data(),
                &pieces_[static_cast<std::size_t>(first / kPieceRows)]
                        [static_cast<std::size_t>(within) * width],
                values * sizeof(float));
    to = to.subspan(values);
    first += part;
    count -= part;
  }
  if (count == 0) return {};
  return file_.read(static_cast<std::uint64_t>(first - resident_) * width * sizeof(float),
                    std::as_writable_bytes(to));
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "study/probe_rows.h"

#include "models/site_width.h"

namespace tepui {

namespace {

std::uint64_t bytes_a_row(const ModelSpec& spec, Point point) {
  return static_cast<std::uint64_t>(*site_width(spec, point.site)) * sizeof(float);
}

}  // namespace

ProbeRows::ProbeRows(std::span<const Point> points, const ModelSpec& spec, SpillBudget& budget) {
  for (const Point point : points)
    rows_.emplace(point, std::make_unique<RowSpill>(*site_width(spec, point.site), budget));
}

Status ProbeRows::take(const RowBlock& block) {
  TEPUI_TRY(check_finite_rows(block));  // nothing can be learnt from others
  return rows_.at(block.point)->append(block.rows);
}

Result<std::vector<std::vector<Point>>> place_groups(std::span<const Point> points,
                                                     const ModelSpec& spec, std::int64_t tokens,
                                                     const SpillBudget& budget) {
  std::vector<std::vector<Point>> groups;
  std::uint64_t bytes = 0;
  std::uint64_t pieces = 0;  // of memory, of which the last of each place may stay empty
  for (const Point point : points) {
    const std::uint64_t row = bytes_a_row(spec, point);
    const std::uint64_t own = row * static_cast<std::uint64_t>(tokens);
    const std::uint64_t piece = row * RowSpill::kPieceRows;
    const auto fits = [&](std::uint64_t before, std::uint64_t lost) {
      const std::uint64_t memory = budget.memory > lost ? budget.memory - lost : 0;
      return before + own <= budget.disk + memory;
    };
    if (groups.empty() || !fits(bytes, pieces + piece)) {
      if (!fits(0, piece))
        return fail(ErrorKind::usage,
                    "the rows of {}: expected room for {} bytes, found {} in memory and {} in "
                    "scratch files: raise --scratch, or give less text",
                    site_name(point.site), own, budget.memory, budget.disk);
      groups.emplace_back();
      bytes = 0;
      pieces = 0;
    }
    groups.back().push_back(point);
    bytes += own;
    pieces += piece;
  }
  return groups;
}

}  // namespace tepui

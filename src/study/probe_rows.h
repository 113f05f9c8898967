// SPDX-License-Identifier: MIT
// The activations of some places on their way from the engine to memory and scratch files.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "exec/row_stream.h"
#include "models/spec.h"
#include "train/row_spill.h"

namespace tepui {

class ProbeRows final : public RowConsumer {
 public:
  ProbeRows(std::span<const Point> points, const ModelSpec& spec, SpillBudget& budget);
  Status take(const RowBlock& block) override;
  const RowSource& at(Point point) const { return *rows_.at(point); }
  void drop(Point point) { rows_.erase(point); }

 private:
  std::map<Point, std::unique_ptr<RowSpill>> rows_;
};

// Places cut into groups, in their order, so that the rows of each find room. An error that names
// the least --scratch where those of one place do not.
Result<std::vector<std::vector<Point>>> place_groups(std::span<const Point> points,
                                                     const ModelSpec& spec, std::int64_t tokens,
                                                     const SpillBudget& budget);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// Rows of features that are read in pieces: what probes are trained on, whether it lies in memory
// or not. Everything that sums over rows takes them in blocks of kBlockRows from the first one on
// and adds up block by block, so that its bits never depend on where the rows lie.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "tepui/result.h"

namespace tepui {

inline constexpr std::int64_t kBlockRows = 256;

class RowSource {
 public:
  virtual ~RowSource() = default;
  virtual std::int64_t rows() const = 0;
  virtual int width() const = 0;
  // f32 [count, width] of the rows from `first` on; from several threads at once.
  virtual Status read(std::int64_t first, std::int64_t count, std::span<float> to) const = 0;
};

inline std::int64_t block_count(const RowSource& rows) {
  return (rows.rows() + kBlockRows - 1) / kBlockRows;
}

// One block in memory.
struct RowsOfBlock {
  std::int64_t first = 0;
  std::int64_t count = 0;
  std::span<const float> rows;  // [count, width]
};

// Calls work(block, slot) for every block, several at once on the pool's threads (null: one after
// the other), and then done(block index, slot) in the order of the blocks, on the calling thread.
// Slots count from 0 to slots - 1: work leaves its partial sums in those of its own slot.
Status for_each_block(const RowSource& rows, ThreadPool* pool, int slots,
                      const std::function<Status(const RowsOfBlock&, int slot)>& work,
                      const std::function<void(std::int64_t block, int slot)>& done);

}  // namespace tepui

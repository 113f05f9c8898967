// SPDX-License-Identifier: MIT
#include "train/row_source.h"

namespace tepui {

Status for_each_block(const RowSource& rows, ThreadPool* pool, int slots,
                      const std::function<Status(const RowsOfBlock&, int slot)>& work,
                      const std::function<void(std::int64_t block, int slot)>& done) {
  const std::int64_t blocks = block_count(rows);
  const auto width = static_cast<std::size_t>(rows.width());
  std::vector<std::vector<float>> memory(static_cast<std::size_t>(slots));
  std::vector<Status> results(static_cast<std::size_t>(slots));
  for (std::int64_t begin = 0; begin < blocks; begin += slots) {
    const std::int64_t together = std::min<std::int64_t>(slots, blocks - begin);
    const auto one = [&](std::int64_t piece, int /*thread*/) {
      const auto slot = static_cast<std::size_t>(piece);
      RowsOfBlock block;
      block.first = (begin + piece) * kBlockRows;
      block.count = std::min(kBlockRows, rows.rows() - block.first);
      memory[slot].resize(static_cast<std::size_t>(block.count) * width);
      block.rows = memory[slot];
      results[slot] = rows.read(block.first, block.count, memory[slot]);
      if (results[slot]) results[slot] = work(block, static_cast<int>(piece));
    };
    if (pool != nullptr && together > 1) {
      pool->for_each(together, one);
    } else {
      for (std::int64_t piece = 0; piece < together; ++piece) one(piece, 0);
    }
    for (std::int64_t piece = 0; piece < together; ++piece) {
      TEPUI_TRY(results[static_cast<std::size_t>(piece)]);
      done(begin + piece, static_cast<int>(piece));
    }
  }
  return {};
}

}  // namespace tepui

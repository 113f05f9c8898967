// SPDX-License-Identifier: MIT
#include "ir/memory_plan.h"

#include <algorithm>

namespace tepui {
namespace {

struct Block {
  std::size_t first_step;
  std::size_t last_step;
  std::size_t offset;
  std::size_t bytes;
};

// The lowest offset that is free throughout the life.
std::size_t first_fit(const std::vector<Block>& placed, std::size_t first_step,
                      std::size_t last_step, std::size_t bytes) {
  std::vector<Block> alive;
  for (const Block& block : placed) {
    if (block.first_step <= last_step && first_step <= block.last_step) alive.push_back(block);
  }
  std::ranges::sort(alive, {}, &Block::offset);
  std::size_t offset = 0;
  for (const Block& block : alive) {
    if (offset + bytes <= block.offset) break;
    offset = std::max(offset, block.offset + block.bytes);
  }
  return offset;
}

}  // namespace

MemoryPlan plan_memory(const Program& program, const std::function<std::size_t(Value)>& size_of) {
  MemoryPlan plan;
  plan.offset.assign(program.values.size(), MemoryPlan::kNone);
  std::vector<std::size_t> last_reader(program.values.size(), 0);
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    for (const Value value : program.steps[i].in) {
      if (value.present()) last_reader[value.id] = i;
    }
  }
  std::vector<Block> placed;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    for (const Value value : program.steps[i].out) {
      if (program.info(value).role != Role::temp) continue;
      constexpr std::size_t kMask = MemoryPlan::kAlignment - 1;
      const std::size_t bytes = (size_of(value) + kMask) & ~kMask;
      const std::size_t last = std::max(last_reader[value.id], i);  // unread: its own step
      const std::size_t offset = bytes == 0 ? 0 : first_fit(placed, i, last, bytes);
      plan.offset[value.id] = offset;
      plan.bytes = std::max(plan.bytes, offset + bytes);
      if (bytes != 0) placed.push_back({i, last, offset, bytes});
    }
  }
  return plan;
}

}  // namespace tepui

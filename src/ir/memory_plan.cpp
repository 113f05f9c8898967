// SPDX-License-Identifier: MIT
#include "ir/memory_plan.h"

#include <algorithm>

namespace tepui {

namespace {

struct Block {
  std::size_t offset = 0;
  std::size_t bytes = 0;
  std::size_t last_step = 0;
};

// The last step that reads each value; its producer where no one does.
std::vector<std::size_t> last_uses(const Program& program) {
  std::vector<std::size_t> last(program.values.size(), 0);
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    for (const Value value : program.steps[i].in) {
      if (value.present()) last[value.id] = i;
    }
    for (const Value value : program.steps[i].out) last[value.id] = i;
  }
  return last;
}

// The lowest place where `bytes` fit between blocks sorted by offset.
std::size_t first_fit(const std::vector<Block>& live, std::size_t bytes) {
  std::size_t offset = 0;
  for (const Block& block : live) {
    if (offset + bytes <= block.offset) break;
    offset = std::max(offset, block.offset + block.bytes);
  }
  return offset;
}

}  // namespace

MemoryPlan plan_memory(const Program& program,
                       const std::function<std::size_t(const TensorType&)>& bytes_of) {
  MemoryPlan plan;
  plan.offsets.assign(program.values.size(), 0);
  const std::vector<std::size_t> last = last_uses(program);
  std::vector<Block> live;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    std::erase_if(live, [&](const Block& block) { return block.last_step < i; });
    for (const Value value : program.steps[i].out) {
      if (program.info(value).role != Role::temp) continue;
      const std::size_t exact = std::max<std::size_t>(bytes_of(program.info(value).type), 1);
      const std::size_t bytes =
          (exact + MemoryPlan::kAlignment - 1) / MemoryPlan::kAlignment * MemoryPlan::kAlignment;
      const Block block{first_fit(live, bytes), bytes, last[value.id]};
      live.insert(std::ranges::upper_bound(live, block.offset, {}, &Block::offset), block);
      plan.offsets[value.id] = block.offset;
      plan.bytes = std::max(plan.bytes, block.offset + block.bytes);
    }
  }
  return plan;
}

}  // namespace tepui

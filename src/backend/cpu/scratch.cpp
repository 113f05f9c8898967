// SPDX-License-Identifier: MIT
#include "backend/cpu/scratch.h"

#include <algorithm>
#include <new>

namespace tepui::cpu {

namespace {
constexpr std::size_t kSmallestBlock = 1 << 20;

ValueMemory allocated(std::size_t bytes) {
  ValueMemory memory = allocate_values(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

std::byte* Scratch::take(std::size_t bytes) {
  const std::size_t rounded = (bytes + 63) / 64 * 64;
  for (Block& block : blocks_) {
    if (block.size - block.used < rounded) continue;
    std::byte* taken = block.bytes.get() + block.used;
    block.used += rounded;
    return taken;
  }
  Block block;
  block.size = std::max(rounded, kSmallestBlock);
  block.bytes = allocated(block.size);
  block.used = rounded;
  blocks_.push_back(std::move(block));
  return blocks_.back().bytes.get();
}

// One call's blocks become one block for the next, so that a kernel that grows keeps no small ones.
void Scratch::clear() {
  std::size_t total = 0;
  for (Block& block : blocks_) {
    block.used = 0;
    total += block.size;
  }
  if (blocks_.size() < 2) return;
  blocks_.clear();
  Block block;
  block.size = total;
  block.bytes = allocated(total);
  blocks_.push_back(std::move(block));
}

}  // namespace tepui::cpu

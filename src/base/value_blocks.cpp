// SPDX-License-Identifier: MIT
#include "base/value_blocks.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>

#include "base/assert.h"

namespace tepui {

namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kPage = 4096;

std::size_t whole_lines(std::size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

// Gives the system the pages that lie within a block.
void drop_pages(std::byte* block, std::size_t bytes) {
  const std::size_t skipped = (kPage - reinterpret_cast<std::uintptr_t>(block) % kPage) % kPage;
  const std::size_t pages = bytes < skipped ? 0 : (bytes - skipped) / kPage * kPage;
  if (pages > 0) static_cast<void>(::madvise(block + skipped, pages, MADV_DONTNEED));
}

}  // namespace

ValueBlocks::~ValueBlocks() {
  for (const auto& [first, slab] : slabs_) {
    TEPUI_ASSERT(slab.blocks == 0);
    std::free(first);
  }
}

// From where the last slab's blocks end, or from a new slab.
std::byte* ValueBlocks::cut(std::size_t bytes) {
  auto last = slabs_.find(last_);
  if (last == slabs_.end() || last->second.used + bytes > kSlab) {
    void* memory = nullptr;
    if (::posix_memalign(&memory, kHugePage, kSlab) != 0) return nullptr;
    static_cast<void>(::madvise(memory, kSlab, MADV_HUGEPAGE));  // a system without them refuses
    last_ = static_cast<std::byte*>(memory);
    last = slabs_.try_emplace(last_).first;
  }
  Slab& slab = last->second;
  std::byte* const block = last_ + slab.used;
  slab.used += bytes;
  ++slab.blocks;
  return block;
}

std::byte* ValueBlocks::take(std::size_t bytes) {
  bytes = whole_lines(bytes);
  const std::lock_guard lock(mutex_);
  for (auto& [first, slab] : slabs_) {
    const auto found = slab.free.find(bytes);
    if (found == slab.free.end()) continue;
    const Free free = found->second;
    slab.free.erase(found);
    ++slab.blocks;
    if (free.kept) idle_ -= bytes;
    return free.block;
  }
  return cut(bytes);
}

// Its last block was given back. What comes next is cut from the same slab, where pages are there.
void ValueBlocks::empty(std::map<std::byte*, Slab>::iterator at) {
  Slab& slab = at->second;
  for (const auto& [bytes, free] : slab.free)
    if (free.kept) idle_ -= bytes;
  if (at->first != last_) {
    std::free(at->first);
    slabs_.erase(at);
    return;
  }
  if (slab.used > kKept) drop_pages(at->first + kKept, slab.used - kKept);
  slab = {};
}

void ValueBlocks::give_back(std::byte* block, std::size_t bytes) {
  bytes = whole_lines(bytes);
  const std::lock_guard lock(mutex_);
  const auto at = std::prev(slabs_.upper_bound(block));
  Slab& slab = at->second;
  TEPUI_ASSERT(block + bytes <= at->first + slab.used && slab.blocks > 0);
  if (--slab.blocks == 0) return empty(at);
  const bool kept = idle_ + bytes <= kKept;
  slab.free.emplace(bytes, Free{block, kept});
  if (kept)
    idle_ += bytes;
  else
    drop_pages(block, bytes);
}

std::size_t ValueBlocks::idle_bytes() const {
  const std::lock_guard lock(mutex_);
  return idle_;
}

std::size_t ValueBlocks::slabs() const {
  const std::lock_guard lock(mutex_);
  return slabs_.size();
}

}  // namespace tepui

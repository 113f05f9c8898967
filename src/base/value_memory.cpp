// SPDX-License-Identifier: MIT
#include "base/value_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

#include "base/value_blocks.h"

namespace tepui {

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEPUI_WATCHED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define TEPUI_WATCHED 1
#endif

namespace {

#if defined(TEPUI_WATCHED)
constexpr bool kShares = false;  // so that what is written beyond its end is seen
#else
constexpr bool kShares = true;
#endif

// Never destroyed: memory is given back until the process ends.
ValueBlocks& blocks() {
  static auto* const all = new ValueBlocks;
  return *all;
}

}  // namespace

void FreeValueMemory::operator()(std::byte* memory) const {
  if (block > 0)
    blocks().give_back(memory, block);
  else
    std::free(memory);
}

ValueMemory allocate_values(std::size_t bytes) {
  if (kShares && ValueBlocks::serves(bytes)) {
    // Where the system has no room for a slab it may still have it for this.
    if (std::byte* const block = blocks().take(bytes))
      return ValueMemory(block, FreeValueMemory{bytes});
  }
  const bool large = bytes >= kHugePage;
  void* memory = nullptr;
  if (::posix_memalign(&memory, large ? kHugePage : kValueAlignment,
                       std::max<std::size_t>(bytes, 1)) != 0)
    return nullptr;
  // Whole pages only: what lies behind them is not ours. A system without them may refuse.
  if (large) static_cast<void>(::madvise(memory, bytes / kHugePage * kHugePage, MADV_HUGEPAGE));
  return ValueMemory(static_cast<std::byte*>(memory));
}

}  // namespace tepui

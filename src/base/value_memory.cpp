// SPDX-License-Identifier: MIT
#include "base/value_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

namespace tepui {

namespace {
constexpr std::size_t kHugePage = std::size_t{2} << 20;
}  // namespace

void FreeValueMemory::operator()(std::byte* memory) const { std::free(memory); }

ValueMemory allocate_values(std::size_t bytes) {
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

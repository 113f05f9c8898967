// SPDX-License-Identifier: MIT
// Device buffers that are used again. A buffer comes back with the tickets of the work that still
// uses it; whoever takes it next comes behind them.
#pragma once

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "tepui/backend.h"

namespace tepui {

class BufferPool {
 public:
  explicit BufferPool(Backend& backend) : backend_(backend) {}

  // `after` gets the tickets to wait for.
  Result<Buffer> take(std::size_t bytes, std::vector<Ticket>& after) {
    const auto found =
        std::ranges::find(spare_, bytes, [](const Spare& s) { return s.buffer.bytes; });
    if (found == spare_.end()) return backend_.allocate(bytes, Memory::device);
    after.insert(after.end(), found->after.begin(), found->after.end());
    Buffer buffer = std::move(found->buffer);
    spare_.erase(found);
    return buffer;
  }

  void give_back(Buffer buffer, std::vector<Ticket> after) {
    if (buffer.storage != nullptr) spare_.push_back({std::move(buffer), std::move(after)});
  }

  // Only when nothing is under way.
  void clear() { spare_.clear(); }

 private:
  struct Spare {
    Buffer buffer;
    std::vector<Ticket> after;
  };
  Backend& backend_;
  std::vector<Spare> spare_;
};

}  // namespace tepui

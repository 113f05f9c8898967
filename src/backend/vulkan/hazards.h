// SPDX-License-Identifier: MIT
// Where a barrier is needed between dispatches: where one touches memory that an earlier one wrote,
// or writes memory that an earlier one read, since the last barrier.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace tepui::vulkan {

struct AddressRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

class Hazards {
 public:
  // Whether a barrier must stand in front of what reads and writes these; if so it is taken to be
  // there.
  bool barrier_before(std::span<const AddressRange> reads, std::span<const AddressRange> writes) {
    const bool needed = meet(reads, written_) || meet(writes, written_) || meet(writes, read_);
    if (needed) {
      read_.clear();
      written_.clear();
    }
    read_.insert(read_.end(), reads.begin(), reads.end());
    written_.insert(written_.end(), writes.begin(), writes.end());
    return needed;
  }

 private:
  static bool meet(std::span<const AddressRange> a, std::span<const AddressRange> b) {
    return std::ranges::any_of(a, [&](const AddressRange& x) {
      return std::ranges::any_of(
          b, [&](const AddressRange& y) { return x.begin < y.end && y.begin < x.end; });
    });
  }

  std::vector<AddressRange> read_;
  std::vector<AddressRange> written_;
};

}  // namespace tepui::vulkan

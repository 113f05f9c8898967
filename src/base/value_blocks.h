// SPDX-License-Identifier: MIT
// Memory that is too small for huge pages of its own, cut from slabs of them: a model's matrices
// lie beside each other. Blocks that were given back serve requests of their size. A slab goes with
// its last block, but for the one that is cut from.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>

namespace tepui {

inline constexpr std::size_t kHugePage = std::size_t{2} << 20;  // bytes

class ValueBlocks {
 public:
  static constexpr std::size_t kLeast = std::size_t{64} << 10;
  static constexpr std::size_t kMost = std::size_t{8}
                                       << 20;  // larger ones waste little by themselves
  static constexpr std::size_t kSlab = std::size_t{32} << 20;
  static constexpr std::size_t kKept = std::size_t{4} << 20;  // of what was given back

  static bool serves(std::size_t bytes) { return bytes >= kLeast && bytes <= kMost; }

  ValueBlocks() = default;
  ~ValueBlocks();  // all blocks must have been given back
  ValueBlocks(const ValueBlocks&) = delete;
  ValueBlocks& operator=(const ValueBlocks&) = delete;

  // Aligned to cache lines, uninitialised; null where the system refuses. Any thread may call.
  std::byte* take(std::size_t bytes);
  void give_back(std::byte* block, std::size_t bytes);

  // Of blocks that were given back, what the system has not got back: at most kKept.
  std::size_t idle_bytes() const;
  std::size_t slabs() const;

 private:
  struct Free {
    std::byte* block;
    bool kept;  // its pages are
  };
  struct Slab {
    std::size_t used = 0;  // bytes from the beginning on that were ever part of a block
    std::size_t blocks = 0;
    std::multimap<std::size_t, Free> free;  // by size
  };

  std::byte* cut(std::size_t bytes);
  void empty(std::map<std::byte*, Slab>::iterator slab);

  mutable std::mutex mutex_;
  std::map<std::byte*, Slab> slabs_;  // by their first byte
  std::byte* last_ = nullptr;         // the slab that new blocks are cut from
  std::size_t idle_ = 0;
};

}  // namespace tepui

// SPDX-License-Identifier: MIT
// The memory that a kernel asks for while it runs. Blocks are kept from call to call and freed with
// the backend; what a call took is given back at once by clear().
#pragma once

#include <cstddef>
#include <vector>

#include "base/value_memory.h"

namespace tepui::cpu {

class Scratch {
 public:
  std::byte* take(std::size_t bytes);  // 64-byte aligned, uninitialised, until clear()
  void clear();

 private:
  struct Block {
    ValueMemory bytes;
    std::size_t size = 0;
    std::size_t used = 0;
  };
  std::vector<Block> blocks_;
};

}  // namespace tepui::cpu

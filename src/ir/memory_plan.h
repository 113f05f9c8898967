// SPDX-License-Identifier: MIT
// Places a Program's temporaries in one arena: a value's bytes are taken from its producer to its
// last reader, first fit. Invariant: values that live at the same time, a step's outputs and inputs
// among them, never overlap.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "tepui/program.h"

namespace tepui {

struct MemoryPlan {
  static constexpr std::size_t kAlignment = 64;

  std::vector<std::size_t> offsets;  // by value id; meaningless for what is not a temp
  std::size_t bytes = 0;             // of the arena
};

MemoryPlan plan_memory(const Program& program,
                       const std::function<std::size_t(const TensorType&)>& bytes_of);

}  // namespace tepui

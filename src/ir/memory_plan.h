// SPDX-License-Identifier: MIT
// Where each temporary of a Program lies in one arena. Temporaries whose lives touch never overlap:
// a life is the steps from the producer to the last reader, both included, so that a step's outputs
// never overlap its inputs.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "tepui/program.h"

namespace tepui {

struct MemoryPlan {
  static constexpr std::size_t kAlignment = 64;
  static constexpr std::size_t kNone = SIZE_MAX;

  std::vector<std::size_t> offset;  // by value id; kNone where it is no temporary of any step
  std::size_t bytes = 0;
};

MemoryPlan plan_memory(const Program& program, const std::function<std::size_t(Value)>& size_of);

}  // namespace tepui

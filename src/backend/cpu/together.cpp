// SPDX-License-Identifier: MIT
#include "backend/cpu/together.h"

#include <algorithm>

#include "backend/cpu/kernel.h"

namespace tepui::cpu {

namespace {

// Memory that is planned for one step after the other must serve them side by side too: what such a
// step reads besides the row is there throughout the run, and what it writes is read by a later
// one, which is none of these, so that none of them was given the same memory.
bool may_share(const Program& program, std::size_t index) {
  const Step& step = program.steps[index];
  if (step.op != OpCode::linear || step.params.as<LinearParams>().rows != 1) return false;
  constexpr std::size_t kWeight = 1, kBias = 2, kResidual = 3;
  const auto is_weight = [&](Value value) {
    return !value.present() || program.info(value).role == Role::weight;
  };
  if (step.in[kResidual].present() || !is_weight(step.in[kWeight]) || !is_weight(step.in[kBias]))
    return false;
  if (program.info(step.out[0]).role != Role::temp) return false;
  return std::any_of(program.steps.begin() + static_cast<std::ptrdiff_t>(index) + 1,
                     program.steps.end(), [&](const Step& later) {
                       return std::ranges::find(later.in, step.out[0]) != later.in.end();
                     });
}

}  // namespace

std::vector<int> steps_together(const Program& program) {
  std::vector<int> together(program.steps.size(), 1);
  for (std::size_t first = 0; first < program.steps.size();) {
    std::size_t end = first;
    while (end < program.steps.size() && end - first < kMostTogether && may_share(program, end) &&
           program.steps[end].in[0] == program.steps[first].in[0])
      ++end;
    if (end - first > 1) together[first] = static_cast<int>(end - first);
    first = std::max(end, first + 1);
  }
  return together;
}

}  // namespace tepui::cpu

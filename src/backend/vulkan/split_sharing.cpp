// SPDX-License-Identifier: MIT
#include "backend/vulkan/split_sharing.h"

#include <algorithm>

#include "backend/vulkan/linear_plan.h"

namespace tepui::vulkan {
namespace {

// What it reads: x, and of a norm that is computed there its factors and its weight.
std::size_t slots_read(const Pass& split) {
  return split.constants[kSplitNormedConstant] == 0 ? 1 : 3;
}

bool same_terms(const Pass& a, const Pass& b) {
  const auto p = a.params.as<LinearParams>();
  const auto q = b.params.as<LinearParams>();
  return a.constants == b.constants && p.rows == q.rows && p.k == q.k &&
         std::equal(a.slots.begin(), a.slots.begin() + slots_read(a), b.slots.begin());
}

bool writes_any(const StepPlan& plan, const Pass& split) {
  return std::any_of(split.slots.begin(), split.slots.begin() + slots_read(split), [&](Value read) {
    return read.present() && std::ranges::count(plan.writes, read) > 0;
  });
}

}  // namespace

void share_splits(std::vector<StepPlan>& plans) {
  std::optional<Pass> there;  // whose terms scratch memory begins with
  for (StepPlan& plan : plans) {
    const bool splits = !plan.passes.empty() && plan.passes.front().shader == kSplitShader;
    if (splits && there && same_terms(*there, plan.passes.front())) {
      plan.passes.erase(plan.passes.begin());
      plan.split_before = true;
    } else if (splits) {
      there = plan.passes.front();
    } else if (plan.scratch_bytes > 0) {
      there.reset();
    }
    if (there && writes_any(plan, *there)) there.reset();
  }
}

}  // namespace tepui::vulkan

// SPDX-License-Identifier: MIT
#include "backend/vulkan/pass_sharing.h"

#include <algorithm>
#include <span>

#include "backend/vulkan/linear_plan.h"

namespace tepui::vulkan {
namespace {

bool splits(const Pass& pass) { return pass.shader == kSplitShader; }

// What it reads: the choices; or x, and of a norm that is computed there its factors and its
// weight.
std::span<const Value> values_read(const Pass& pass) {
  const std::span<const Value> slots(pass.slots);
  if (!splits(pass)) return slots.subspan(2, 1);
  return slots.first(pass.constants[kSplitNormedConstant] == 0 ? 1 : 3);
}

bool same_sizes(const Pass& a, const Pass& b) {
  if (splits(a)) {
    const auto p = a.params.as<LinearParams>();
    const auto q = b.params.as<LinearParams>();
    return p.rows == q.rows && p.k == q.k;
  }
  const auto p = a.params.as<ExpertParams>();
  const auto q = b.params.as<ExpertParams>();
  return p.rows == q.rows && p.experts == q.experts && p.chosen == q.chosen;
}

bool same_pass(const Pass& a, const Pass& b) {
  return a.shader == b.shader && a.constants == b.constants && same_sizes(a, b) &&
         std::ranges::equal(values_read(a), values_read(b));
}

// The passes that only make of its rows what others make too: those that a plan begins with.
std::span<const Pass> shareable(const StepPlan& plan) {
  const auto end = std::ranges::find_if_not(
      plan.passes, [](const Pass& pass) { return splits(pass) || pass.shader == kListsShader; });
  return {plan.passes.begin(), end};
}

}  // namespace

void share_passes(std::vector<StepPlan>& plans) {
  std::vector<Pass> there;  // whose results scratch memory begins with
  for (StepPlan& plan : plans) {
    const std::span<const Pass> own = shareable(plan);
    const auto different = std::ranges::mismatch(own, there, same_pass).in1;
    const std::ptrdiff_t same = different - own.begin();
    if (!own.empty())
      there.assign(own.begin(), own.end());
    else if (plan.scratch_bytes > 0)
      there.clear();
    plan.split_before = same > 0 && splits(own.front());
    plan.passes.erase(plan.passes.begin(), plan.passes.begin() + same);
    const auto written = [&](Value value) {
      return value.present() && std::ranges::count(plan.writes, value) > 0;
    };
    const auto lost = std::ranges::find_if(
        there, [&](const Pass& pass) { return std::ranges::any_of(values_read(pass), written); });
    there.erase(lost, there.end());
  }
}

}  // namespace tepui::vulkan

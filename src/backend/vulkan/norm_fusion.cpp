// SPDX-License-Identifier: MIT
#include "backend/vulkan/norm_fusion.h"

#include <algorithm>

#include "backend/vulkan/linear_plan.h"

namespace tepui::vulkan {
namespace {

bool is_norm(OpCode op) { return op == OpCode::rms_norm || op == OpCode::layer_norm; }

// As shaders/lib/normed.glsl counts them.
std::uint32_t kind_of_norm(const Step& norm) {
  if (norm.op == OpCode::rms_norm) return 1;
  return norm.in[2].present() ? 3 : 2;
}

}  // namespace

bool is_statistic(OpCode op) {
  return op == OpCode::quantile_abs || op == OpCode::top_k_abs || op == OpCode::above_abs ||
         op == OpCode::token_max_abs || op == OpCode::l2_norm || op == OpCode::channel_max_abs;
}

NormFusion::NormFusion(const Program& program, const DeviceTraits& traits)
    : program_(program), traits_(traits), places_(program.steps.size()) {
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    if (!is_norm(program.steps[i].op)) continue;
    const std::vector<std::size_t> readers = readers_of(program.steps[i].out[0]);
    if (!fits(i, readers)) continue;
    places_[i] = Place{i, false};
    for (const std::size_t reader : readers) places_[reader] = Place{i, true};
  }
}

std::vector<std::size_t> NormFusion::readers_of(Value value) const {
  std::vector<std::size_t> readers;
  for (std::size_t i = 0; i < program_.steps.size(); ++i) {
    if (std::ranges::count(program_.steps[i].in, value) > 0) readers.push_back(i);
  }
  return readers;
}

// A linear layer without a residual, whose place in the push block the factors take, that counts no
// statistics of its result.
bool NormFusion::can_read(std::size_t step, Value result) const {
  const Step& reader = program_.steps[step];
  if (reader.op != OpCode::linear || reader.in[0] != result || reader.in[3].present()) return false;
  if (std::ranges::count(reader.in, result) > 1) return false;
  const auto p = reader.params.as<LinearParams>();
  if (!traits_.matrix && !linear_tile(p, traits_).shared) return false;
  const std::vector<std::size_t> next = readers_of(reader.out[0]);
  return std::ranges::none_of(next,
                              [&](std::size_t i) { return is_statistic(program_.steps[i].op); });
}

std::int64_t NormFusion::factors(std::size_t norm) const {
  const Shape& shape = program_.type_of(program_.steps[norm].out[0]).shape;
  const std::uint32_t kind = kind_of_norm(program_.steps[norm]);
  return (kind == 1 ? 1 : 2) * shape[0] + (kind == 3 ? shape[1] : 0);
}

double NormFusion::read_bytes(std::size_t norm) const {
  const Shape& shape = program_.type_of(program_.steps[norm].out[0]).shape;
  return 4.0 * static_cast<double>(factors(norm) + shape[1]);
}

bool NormFusion::fits(std::size_t norm, const std::vector<std::size_t>& readers) const {
  const Step& step = program_.steps[norm];
  const Value x = step.in[0];
  const Value result = step.out[0];
  if (readers.empty() || program_.info(result).role != Role::temp) return false;
  if (step.params.as<NormParams>().groups != 1 || !step.in[1].present()) return false;
  if (!std::ranges::all_of(readers, [&](std::size_t i) { return can_read(i, result); }))
    return false;
  // What it reads must still be there.
  const bool stays = program_.info(x).role != Role::temp || readers_of(x).back() >= readers.back();
  const auto less = static_cast<double>(program_.type_of(result).bytes());
  return stays && less > read_bytes(norm) * static_cast<double>(readers.size() + 1);
}

double NormFusion::bytes_saved(std::size_t step) const {
  if (!places_[step]) return 0;
  const std::size_t norm = places_[step]->norm;
  if (places_[step]->reads) return -read_bytes(norm);
  return static_cast<double>(program_.type_of(program_.steps[norm].out[0]).bytes()) -
         4.0 * static_cast<double>(factors(norm));
}

void NormFusion::apply(std::size_t step, StepPlan& plan) const {
  if (!places_[step]) return;
  Pass& pass = plan.passes.front();
  if (!places_[step]->reads) {
    pass.constants[1] = 1;
    return;
  }
  const Step& norm = program_.steps[places_[step]->norm];
  const std::uint32_t kind = kind_of_norm(norm);
  if (traits_.matrix) {  // the pass that splits its rows
    pass.slots = {norm.in[0], norm.out[0], norm.in[1], kNone, kNone, kNone};
    pass.constants[kSplitNormedConstant] = kind;
  } else {
    pass.slots[0] = norm.in[0];
    pass.slots[3] = norm.out[0];
    pass.slots[5] = norm.in[1];
    pass.constants[kTileNormedConstant] = kind;
  }
  plan.reads.push_back(norm.in[0]);
  plan.reads.push_back(norm.in[1]);
}

}  // namespace tepui::vulkan

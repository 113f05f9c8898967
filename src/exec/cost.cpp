// SPDX-License-Identifier: MIT
#include "exec/cost.h"

#include <algorithm>

#include "tepui/op.h"

namespace tepui {

namespace {

// Peak rates as their makers give them (H100 SXM: f32 without matrix units, HBM3, PCIe 5 x16, 50 MB
// of L2); the rates of the caches, the integrated one's size, and what a dispatch and a barrier
// cost are guesses of the usual order.
const DeviceProfile kProfiles[] = {
    {"h100", "NVIDIA H100 SXM", 66.9e12, 3.35e12, 63e9, 2e-6, 2e-6, true, false, 0, 50e6, 5.5e12},
    {"h100-matrix", "NVIDIA H100 SXM, linear layers on matrix units", 66.9e12, 3.35e12, 63e9, 2e-6,
     2e-6, true, true, 989e12, 50e6, 5.5e12},
    {"integrated", "an integrated GPU that shares the host's memory", 2e12, 60e9, 0, 5e-6, 5e-6,
     true, false, 0, 2e6, 300e9},
};

// Packed weights are as narrow as they are stored, but for quantised ones other than q8_0 where the
// host computes, which are f32.
double bytes_of(const TensorType& type, bool device) {
  DType stored = type.dtype;
  if (is_packed(stored)) {
    stored = device || stored <= DType::packed_q8_0 ? unpacked_dtype(stored) : DType::f32;
  }
  const DTypeBlock block = dtype_block(stored);
  return static_cast<double>(type.shape.elements()) / static_cast<double>(block.elements) *
         static_cast<double>(block.bytes);
}

double rows_bytes(const TensorType& type, std::int64_t rows, bool device) {
  return bytes_of(type, device) / static_cast<double>(std::max<std::int64_t>(type.shape[0], 1)) *
         static_cast<double>(rows);
}

// Operands and results once each; of a table the rows that are looked up, of rows that are put in
// place these alone.
double step_bytes(const Program& program, const Step& step, bool device) {
  double bytes = 0;
  if (step.op == OpCode::put_rows && step.params.as<PutRowsParams>().in_place != 0)
    return 2 * bytes_of(program.type_of(step.in.back()), device);
  for (const Value value : step.in) {
    const TensorType type = program.type_of(value);
    if (step.op == OpCode::embed && value == step.in.back()) {
      bytes += rows_bytes(type, program.type_of(step.out[0]).shape[0], device);
    } else if (step.op == OpCode::rope && value == step.in.back()) {
      const std::int64_t rows = program.type_of(step.out[0]).shape[0];
      bytes += rows_bytes(type, std::min(type.shape[0], rows), device);
    } else {
      bytes += bytes_of(type, device);
    }
  }
  for (const Value value : step.out) bytes += bytes_of(program.type_of(value), device);
  return bytes;
}

double step_flops(const Program& program, const Step& step) {
  const Op& op = op_of(step.op);
  if (op.flops == nullptr) return 0;
  Types in;
  for (const Value value : step.in) in.push_back(program.type_of(value));
  return op.flops(in, step.params);
}

double rate_of(const DeviceProfile& profile, const StepCost& step) {
  const bool units = step.counts.matrix_products > 0 && profile.matrix_flops > 0;
  return units ? profile.matrix_flops : profile.flops;
}

// What is read again comes from memory where more passes in between than the cache holds: the share
// of it that finds no place there, at least.
void read_again(const DeviceProfile& profile, StepCost& step) {
  const double span = step.counts.again_span;
  const double missed = profile.cache > 0 && span > profile.cache ? 1 - profile.cache / span : 0;
  step.bytes += missed * step.counts.again_bytes;
  step.cached_bytes = (1 - missed) * step.counts.again_bytes;
}

// What takes longest decides, and dispatches and barriers come on top.
void time_step(const DeviceProfile& profile, StepCost& step) {
  const double compute = step.issued / rate_of(profile, step);
  const double memory = step.bytes / profile.bytes;
  const double cache = profile.cache_bytes > 0 ? step.cached_bytes / profile.cache_bytes : 0;
  const double work = std::max({compute, memory, cache});
  step.seconds = work;
  if (profile.device)
    step.seconds +=
        step.counts.dispatches * profile.dispatch + step.counts.barriers * profile.barrier;
  step.limit = step.seconds > 2 * work                     ? Limit::overhead
               : compute > memory && compute >= cache      ? Limit::compute
               : profile.cache_bytes > 0 && cache > memory ? Limit::cache
                                                           : Limit::memory;
}

}  // namespace

std::span<const DeviceProfile> device_profiles() { return kProfiles; }

double PartCost::flops() const {
  double sum = 0;
  for (const StepCost& step : steps) sum += step.flops;
  return sum;
}

double PartCost::bytes() const {
  double sum = 0;
  for (const StepCost& step : steps) sum += step.bytes;
  return sum;
}

double PartCost::seconds(const DeviceProfile& profile) const {
  double sum = profile.host_bytes > 0 ? host_bytes / profile.host_bytes : 0;
  for (const StepCost& step : steps) sum += step.seconds;
  return sum;
}

double PartCost::seconds_streamed(const DeviceProfile& profile) const {
  if (profile.host_bytes <= 0) return seconds(profile);
  return std::max(seconds(profile), weight_bytes / profile.host_bytes);
}

PartCost cost_of(const Program& program, const DeviceProfile& profile) {
  PartCost part;
  const auto counts = vulkan_counts(program, profile.matrices);
  for (const ValueInfo& info : program.values) {
    if (info.role == Role::weight) part.weight_bytes += bytes_of(info.type, true);
  }
  part.counted = counts.has_value();
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const Step& step = program.steps[i];
    StepCost cost;
    cost.op = step.op;
    cost.name = program.info(step.out.front()).name;
    cost.flops = step_flops(program, step);
    cost.bytes = step_bytes(program, step, profile.device);
    if (counts) cost.counts = (*counts)[i];
    if (profile.device) {
      cost.bytes -= cost.counts.bytes_saved;
      read_again(profile, cost);
    }
    cost.issued = cost.flops * std::max(1, cost.counts.matrix_products);
    time_step(profile, cost);
    part.steps.push_back(std::move(cost));
  }
  return part;
}

}  // namespace tepui

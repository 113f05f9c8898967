// SPDX-License-Identifier: MIT
// AdamW as nanoGPT sets it up: two groups, of which matrices and tables decay and norms and biases
// do not; gradients clipped by the norm of all together. Its steps are Programs.
#pragma once

#include <cstdint>
#include <vector>

#include "tepui/program.h"
#include "tepui/result.h"
#include "train/train_program.h"

namespace tepui {

struct OptimiserSettings {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.1;
  double clip = 1.0;  // 0: none
};

enum class ScheduleKind : std::uint8_t {
  cosine,    // from the rate to the least one along half a cosine
  constant,  // the rate
  wsd,       // warm-up, stable, decay: the rate, and a straight line to the least one at the end
};

struct ScheduleSettings {
  ScheduleKind kind = ScheduleKind::cosine;
  double rate = 6e-4;
  double least = 6e-5;
  std::int64_t warmup = 0;       // steps; step t of it has rate * (t + 1) / (warmup + 1)
  std::int64_t decay_steps = 0;  // cosine: where it ends; wsd: how long the last line is
  std::int64_t steps = 0;        // of the run
};

double learning_rate(const ScheduleSettings& schedule, std::int64_t step);

// What adamw reads at a step (from 0): rate, step and root (ops/train_params.h).
std::vector<float> adamw_schedule(const OptimiserSettings& settings, double rate,
                                  std::int64_t step);

// Which of the parameters are trained, in their order.
struct UpdateItem {
  std::size_t parameter = 0;
  std::size_t gradients = 1;  // that are added, an embedding's and a tied head's
  bool decays = false;
  Shape shape;
};

// The norm of all gradients: inputs gradients, output clip f32 [2] = (norm, factor).
struct NormProgram {
  Program program;
  std::vector<std::vector<Value>> gradients;  // by item
  Value clip;
};
Result<NormProgram> build_norm_program(const std::vector<UpdateItem>& items,
                                       const OptimiserSettings& settings);

// One step. What it gives may be bound where it reads.
struct UpdateProgram {
  Program program;
  std::vector<std::vector<Value>> gradients;  // by item
  std::vector<Value> p, m, v;                 // inputs, by item
  std::vector<Value> p_out, m_out, v_out;
  Value clip;      // f32 [2]
  Value schedule;  // f32 [3]
};
Result<UpdateProgram> build_update_program(const std::vector<UpdateItem>& items,
                                           const OptimiserSettings& settings);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// A norm and the linear layers behind it: where they alone read its result, the norm leaves factors
// in the place of its result (rms_norm one for each row; layer_norm two, and a copy of its bias),
// and each of them computes the result while it loads its rows, by the same formula, so that no bit
// changes (shaders/lib/normed.glsl). Saves writing the result once.
#pragma once

#include <optional>
#include <vector>

#include "backend/vulkan/step_plan.h"

namespace tepui::vulkan {

bool is_statistic(OpCode op);

class NormFusion {
 public:
  NormFusion(const Program& program, const DeviceTraits& traits);

  // Bytes that a step moves fewer (the norm) or more (who computes its result).
  double bytes_saved(std::size_t step) const;
  // Makes the plan of a step the form that takes part, if it does.
  void apply(std::size_t step, StepPlan& plan) const;

 private:
  struct Place {
    std::size_t norm = 0;  // step
    bool reads = false;    // its result; else it is the norm
  };
  // Floats that take the result's place, and that a reader loads beside x.
  std::int64_t factors(std::size_t norm) const;
  double read_bytes(std::size_t norm) const;
  bool fits(std::size_t norm, const std::vector<std::size_t>& readers) const;
  bool can_read(std::size_t step, Value result) const;
  std::vector<std::size_t> readers_of(Value value) const;

  const Program& program_;
  DeviceTraits traits_;
  std::vector<std::optional<Place>> places_;  // by step
};

}  // namespace tepui::vulkan

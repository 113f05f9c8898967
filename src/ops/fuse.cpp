// SPDX-License-Identifier: MIT
#include "ops/fuse.h"

#include <algorithm>

#include "tepui/op.h"

namespace tepui {

namespace {

constexpr std::size_t kResidual = 3;  // linear's slots: x, weight, bias, residual

class Fuser {
 public:
  explicit Fuser(Program& program) : program_(program), readers_(program.values.size(), 0) {
    for (const Step& step : program.steps) {
      for (const Value value : step.in) {
        if (value.present()) ++readers_[value.id];
      }
    }
  }

  void run() {
    // A merged step takes the place of the later one, where the residual is sure to be there.
    for (std::size_t i = 0; i < program_.steps.size(); ++i) {
      const Step& step = program_.steps[i];
      if (step.op == OpCode::act) merge_act(i);
      if (step.op == OpCode::add && !merge_add(i, 0, 1)) merge_add(i, 1, 0);
    }
    std::erase_if(program_.steps, [](const Step& step) { return step.out.empty(); });
  }

 private:
  // The linear step before `i` whose output is `value` and has no other reader.
  Step* sole_linear(std::size_t i, Value value) {
    if (!value.present() || program_.info(value).role != Role::temp || readers_[value.id] != 1)
      return nullptr;
    for (std::size_t j = 0; j < i; ++j) {
      Step& step = program_.steps[j];
      if (step.op == OpCode::linear && !step.out.empty() && step.out.front() == value) return &step;
    }
    return nullptr;
  }

  void merge_act(std::size_t i) {
    Step& act = program_.steps[i];
    Step* linear = sole_linear(i, act.in[0]);
    if (linear == nullptr || linear->in[kResidual].present()) return;
    LinearParams params = linear->params.as<LinearParams>();
    if (params.act != TEPUI_ACT_NONE) return;
    params.act = act.params.as<ActParams>().act;
    Step merged{OpCode::linear, linear->in, act.out, ParamBytes(params)};
    linear->out.clear();  // erased at the end
    act = std::move(merged);
  }

  bool merge_add(std::size_t i, std::size_t residual, std::size_t sum) {
    Step& add = program_.steps[i];
    Step* linear = sole_linear(i, add.in[sum]);
    if (linear == nullptr || linear->in[kResidual].present() || add.in[0] == add.in[1])
      return false;
    Step merged{OpCode::linear, linear->in, add.out, linear->params};
    merged.in[kResidual] = add.in[residual];
    linear->out.clear();
    add = std::move(merged);
    return true;
  }

  Program& program_;
  std::vector<int> readers_;
};

}  // namespace

void fuse(Program& program) { Fuser(program).run(); }

}  // namespace tepui

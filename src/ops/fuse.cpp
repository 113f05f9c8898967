// SPDX-License-Identifier: MIT
#include "ops/fuse.h"

#include <algorithm>
#include <utility>

#include "tepui/op.h"

namespace tepui {
namespace {

constexpr std::size_t kResidual = 3;  // linear's operand
constexpr std::size_t kNoStep = SIZE_MAX;

class Fuser {
 public:
  explicit Fuser(Program program) : program_(std::move(program)) {
    const std::size_t values = program_.values.size();
    reads_.assign(values, 0);
    reader_.assign(values, kNoStep);
    producer_.assign(values, kNoStep);
    gone_.assign(program_.steps.size(), false);
    for (std::size_t i = 0; i < program_.steps.size(); ++i) {
      for (const Value value : program_.steps[i].in) {
        if (!value.present()) continue;
        ++reads_[value.id];
        reader_[value.id] = i;
      }
      for (const Value value : program_.steps[i].out) producer_[value.id] = i;
    }
  }

  Program run() && {
    for (std::size_t i = 0; i < program_.steps.size(); ++i) {
      if (program_.steps[i].op != OpCode::linear) continue;
      fuse_act(i);
      fuse_add(i);
    }
    std::vector<Step> kept;
    for (std::size_t i = 0; i < program_.steps.size(); ++i) {
      if (!gone_[i]) kept.push_back(std::move(program_.steps[i]));
    }
    program_.steps = std::move(kept);
    return std::move(program_);
  }

 private:
  // The only reader of a linear step's result, if nobody else may see that result.
  std::size_t sole_reader(std::size_t linear) const {
    const Value result = program_.steps[linear].out.front();
    const bool hidden = program_.info(result).role == Role::temp && reads_[result.id] == 1;
    return hidden ? reader_[result.id] : kNoStep;
  }

  void take_over(std::size_t linear, std::size_t reader) {
    const Value result = program_.steps[reader].out.front();
    program_.steps[linear].out.front() = result;
    producer_[result.id] = linear;
    gone_[reader] = true;
  }

  void fuse_act(std::size_t linear) {
    Step& step = program_.steps[linear];
    auto params = step.params.as<LinearParams>();
    const std::size_t reader = sole_reader(linear);
    if (params.act != TEPUI_ACT_NONE || step.in[kResidual].present() || reader == kNoStep ||
        program_.steps[reader].op != OpCode::act) {
      return;
    }
    params.act = program_.steps[reader].params.as<ActParams>().act;
    step.params = ParamBytes(params);
    take_over(linear, reader);
  }

  void fuse_add(std::size_t linear) {
    Step& step = program_.steps[linear];
    const std::size_t reader = sole_reader(linear);
    if (step.in[kResidual].present() || reader == kNoStep ||
        program_.steps[reader].op != OpCode::add) {
      return;
    }
    const Step& add = program_.steps[reader];
    const Value residual = add.in[0] == step.out.front() ? add.in[1] : add.in[0];
    const std::size_t producer = producer_[residual.id];
    if (producer != kNoStep && producer >= linear) return;  // not there yet
    step.in[kResidual] = residual;
    take_over(linear, reader);
  }

  Program program_;
  std::vector<std::size_t> reads_;     // operand slots that name the value
  std::vector<std::size_t> reader_;    // the last step that reads it
  std::vector<std::size_t> producer_;  // kNoStep for inputs and weights
  std::vector<bool> gone_;
};

}  // namespace

Program fuse(Program program) { return Fuser(std::move(program)).run(); }

}  // namespace tepui

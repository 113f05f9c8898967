// SPDX-License-Identifier: MIT
// An op is defined once, with its meaning: its shape rule, a plain reference that is its
// definition, and the distance from it that a backend may keep. Backends are tested against these;
// nothing else says what an op does.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "ops/op_list.h"
#include "tepui/program.h"
#include "tepui/result.h"

namespace tepui {

enum class OpCode : std::uint16_t {
#define TEPUI_OP_CODE(name, Params) name,
  TEPUI_OP_LIST(TEPUI_OP_CODE)
#undef TEPUI_OP_CODE
};

using Types = std::vector<TensorType>;

class GradientBuilder;  // ops/gradient.h

// One bound for each element of one output: |backend - reference| may not exceed it. Infinities and
// NaN must be equal.
struct BoundRequest {
  std::span<const HostView> in;        // what the step read
  std::span<const HostView> expected;  // what the reference gave
  std::size_t output;                  // which output is asked for
  ParamBytes params;
};

struct Op {
  std::string_view name;
  std::size_t inputs;  // slots, optional ones counted

  // The outputs' types, or an error that names the op, the operand, what was expected and what was
  // found.
  Result<Types> (*infer)(std::span<const TensorType> in, const ParamBytes& params);

  // The definition: plain loops, every sum in double. `packed` operands are f32 [N, K] row-major
  // here.
  void (*reference)(std::span<const HostView> in, std::span<const MutableHostView> out,
                    const ParamBytes& params);

  // Null: every output is bit-equal on every backend (selections, copies).
  void (*bound)(const BoundRequest& request, std::span<double> bound);

  // Floating-point operations, for benchmarks; null: none worth counting, its bytes are what
  // counts.
  double (*flops)(std::span<const TensorType> in, const ParamBytes& params);

  // Emits the steps that give the gradients of the operands from that of the outputs. Null: not
  // differentiable.
  Status (*gradient)(GradientBuilder& at) = nullptr;
};

const Op& op_of(OpCode code);
std::span<const OpCode> all_ops();

}  // namespace tepui

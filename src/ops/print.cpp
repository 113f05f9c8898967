// SPDX-License-Identifier: MIT
#include "ops/print.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "tepui/op.h"

namespace tepui {
namespace {

std::string_view act_name(uint act) {
  constexpr std::array<std::string_view, 5> kNames{"none", "silu", "gelu_erf", "gelu_tanh", "relu"};
  return act < kNames.size() ? kNames[act] : "?";
}

// What the operands' types do not say already.
std::string extra(const Step& step) {
  switch (step.op) {
    case OpCode::pack: {
      const auto p = step.params.as<PackParams>();
      return fmt::format(" offset={} stride={}{}{}", p.offset, p.stride,
                         p.run != 0 ? fmt::format(" run={} period={}", p.run, p.period) : "",
                         p.transposed ? " transposed" : "");
    }
    case OpCode::linear: {
      const auto p = step.params.as<LinearParams>();
      return p.act == TEPUI_ACT_NONE ? "" : fmt::format(" act={}", act_name(p.act));
    }
    case OpCode::act:
    case OpCode::act_mul: return fmt::format(" act={}", act_name(step.params.as<ActParams>().act));
    case OpCode::rms_norm:
    case OpCode::layer_norm: {
      const auto p = step.params.as<NormParams>();
      return fmt::format(" eps={}{}", p.eps,
                         p.groups != 1 ? fmt::format(" groups={}", p.groups) : "");
    }
    case OpCode::rope: {
      const auto p = step.params.as<RopeParams>();
      return fmt::format(" heads={}x{}{}", p.heads, p.head_dim,
                         p.interleaved ? " interleaved" : "");
    }
    case OpCode::attention: {
      const auto p = step.params.as<AttentionParams>();
      std::string text =
          fmt::format(" heads={}/{}x{} scale={}", p.heads, p.kv_heads, p.head_dim, p.scale);
      if (p.softcap != 0) text += fmt::format(" softcap={}", p.softcap);
      if (p.window != 0) text += fmt::format(" window={}", p.window);
      if (p.edits != 0) text += fmt::format(" edits={}", p.edits);
      return text + (p.cached != 0 ? " cached" : "");
    }
    case OpCode::scale:
    case OpCode::clamp:
    case OpCode::softcap: return fmt::format(" value={}", step.params.as<ScalarParams>().value);
    case OpCode::above_abs: {
      const auto p = step.params.as<AboveParams>();
      return fmt::format(" ratio={} floor={}", p.ratio, p.floor);
    }
    case OpCode::cross_entropy:
    case OpCode::arg_max: return fmt::format(" first={}", step.params.as<TileParams>().first);
    default: return "";
  }
}

std::string label(const Program& program, Value value) {
  if (!value.present()) return "-";
  return fmt::format("%{} {}", value.id, program.info(value).name);
}

}  // namespace

std::string print_program(const Program& program) {
  std::string text;
  for (std::uint32_t id = 0; id < program.values.size(); ++id) {
    const ValueInfo& info = program.values[id];
    if (info.role != Role::input && info.role != Role::weight) continue;
    text += fmt::format("{} {}: {}\n", info.role == Role::input ? "input" : "weight",
                        label(program, Value{id}), info.type.to_string());
  }
  for (const Step& step : program.steps) {
    std::vector<std::string> out;
    std::vector<std::string> in;
    for (const Value value : step.out) {
      const ValueInfo& info = program.info(value);
      out.push_back(fmt::format("{}{}: {}", info.role == Role::output ? "output " : "",
                                label(program, value), info.type.to_string()));
    }
    for (const Value value : step.in) in.push_back(label(program, value));
    text += fmt::format("{} = {}({}){}\n", fmt::join(out, ", "), op_of(step.op).name,
                        fmt::join(in, ", "), extra(step));
  }
  return text;
}

}  // namespace tepui

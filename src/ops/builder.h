// SPDX-License-Identifier: MIT
// Makes Programs. Every op's shape rule runs as its step is added; the first error is kept, later
// calls do nothing, and finish() returns it, so that expressions stay clean. Used by lowering, taps
// and tests.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "tepui/op.h"
#include "tepui/program.h"

namespace tepui {

class Builder {
 public:
  Builder() = default;
  explicit Builder(Program&& program) : program_(std::move(program)) {}  // continues it

  Value input(const TensorType& type, std::string name);
  Value weight(const TensorType& type, std::string name);

  // Adds a step; kNone stands for an absent optional operand. One name per output, or none.
  std::vector<Value> emit(OpCode op, std::vector<Value> in, const ParamBytes& params,
                          std::vector<std::string> names);

  Value embed(Value ids, Value table, std::string name);
  Value cast(Value x, std::string name);
  Value pack(Value matrix, const PackParams& place, std::string name);
  Value linear(Value x, Value weight, Value bias, Value residual, std::uint32_t act,
               std::string name);
  Value rms_norm(Value x, Value weight, float eps, std::string name);
  Value layer_norm(Value x, Value weight, Value bias, float eps, std::string name);
  Value rope(Value x, Value positions, Value table, const RopeParams& params, std::string name);
  Value attention(Value q, Value k, Value v, Value offsets, const AttentionParams& params,
                  std::string name);
  Value act(Value x, std::uint32_t act, std::string name);
  Value act_mul(Value gate, Value up, std::uint32_t act, std::string name);
  Value add(Value a, Value b, std::string name);

  std::vector<Value> max_abs(Value x, Value offsets);           // value, index
  std::vector<Value> top_k_abs(Value x, Value offsets, int k);  // value, index
  Value quantile_abs(Value x, Value offsets, Value ranks);
  // Sizes of `params` are filled in: capacity, ratio, floor and level_column are the caller's.
  std::vector<Value> above_abs(Value x, Value offsets, Value level,
                               AboveParams params);            // count, value, index
  std::vector<Value> channel_max_abs(Value x, Value offsets);  // value, position
  std::vector<Value> token_max_abs(Value x);                   // value, channel
  Value l2_norm(Value x);
  Value cross_entropy(Value logits, Value targets, Value state, std::uint32_t first);
  std::vector<Value> arg_max(Value logits, Value value, Value index,
                             std::uint32_t first);  // value, index

  // The value will be bound by the caller instead of living in the arena. Must come from a step.
  void mark_output(Value value);

  const Program& program() const { return program_; }
  Result<Program> finish();

 private:
  Value one(OpCode op, std::vector<Value> in, const ParamBytes& params, std::string name);
  Value declare(const TensorType& type, Role role, std::string name);
  std::int64_t size(Value value, int axis) const;
  uint rows_of(Value x) const { return static_cast<uint>(size(x, 0)); }
  uint width_of(Value x) const { return static_cast<uint>(size(x, 1)); }

  Program program_;
  std::optional<Error> error_;
};

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "ops/builder.h"

#include "base/assert.h"
#include "ir/validate.h"

namespace tepui {

Value Builder::declare(const TensorType& type, Role role, std::string name) {
  program_.values.push_back({type, role, std::move(name)});
  return Value{static_cast<std::uint32_t>(program_.values.size() - 1)};
}

Value Builder::input(const TensorType& type, std::string name) {
  return declare(type, Role::input, std::move(name));
}

Value Builder::weight(const TensorType& type, std::string name) {
  return declare(type, Role::weight, std::move(name));
}

// 0 where the operand has no such axis: the shape rule then says what is wrong.
std::int64_t Builder::size(Value value, int axis) const {
  const TensorType type = program_.type_of(value);
  return axis < type.shape.rank() ? type.shape[axis] : 0;
}

std::vector<Value> Builder::emit(OpCode code, std::vector<Value> in, const ParamBytes& params,
                                 std::vector<std::string> names) {
  constexpr std::size_t kMostOutputs = 4;
  if (error_) return std::vector<Value>(kMostOutputs, kNone);
  const Op& op = op_of(code);
  TEPUI_ASSERT(in.size() == op.inputs);
  Types types;
  for (const Value value : in) types.push_back(program_.type_of(value));
  const Result<Types> out = op.infer(types, params);
  if (!out) {
    error_ = out.error();
    return std::vector<Value>(kMostOutputs, kNone);
  }
  Step step{code, std::move(in), {}, params};
  for (std::size_t i = 0; i < out->size(); ++i)
    step.out.push_back(declare((*out)[i], Role::temp,
                               i < names.size() ? std::move(names[i]) : std::string(op.name)));
  program_.steps.push_back(step);
  return step.out;
}

Value Builder::one(OpCode op, std::vector<Value> in, const ParamBytes& params, std::string name) {
  return emit(op, std::move(in), params, {std::move(name)}).front();
}

Value Builder::embed(Value ids, Value table, std::string name) {
  const EmbedParams params{rows_of(ids), width_of(table), static_cast<uint>(size(table, 0))};
  return one(OpCode::embed, {ids, table}, ParamBytes(params), std::move(name));
}

Value Builder::cast(Value x, std::string name) {
  return one(OpCode::cast, {x}, ParamBytes(CastParams{rows_of(x)}), std::move(name));
}

Value Builder::pack(Value matrix, const PackParams& place, std::string name) {
  return one(OpCode::pack, {matrix}, ParamBytes(place), std::move(name));
}

Value Builder::linear(Value x, Value weight, Value bias, Value residual, std::uint32_t act,
                      std::string name) {
  const LinearParams params{rows_of(x), static_cast<uint>(size(weight, 0)), width_of(x), act};
  return one(OpCode::linear, {x, weight, bias, residual}, ParamBytes(params), std::move(name));
}

Value Builder::rms_norm(Value x, Value weight, float eps, std::string name) {
  return one(OpCode::rms_norm, {x, weight}, ParamBytes(NormParams{rows_of(x), width_of(x), eps}),
             std::move(name));
}

Value Builder::layer_norm(Value x, Value weight, Value bias, float eps, std::string name) {
  const NormParams params{rows_of(x), width_of(x), eps};
  return one(OpCode::layer_norm, {x, weight, bias}, ParamBytes(params), std::move(name));
}

Value Builder::rope(Value x, Value positions, Value table, const RopeParams& params,
                    std::string name) {
  return one(OpCode::rope, {x, positions, table}, ParamBytes(params), std::move(name));
}

Value Builder::attention(Value q, Value k, Value v, Value offsets, const AttentionParams& params,
                         std::string name) {
  return one(OpCode::attention, {q, k, v, offsets}, ParamBytes(params), std::move(name));
}

Value Builder::act(Value x, std::uint32_t act, std::string name) {
  const auto count = static_cast<uint>(program_.type_of(x).shape.elements());
  return one(OpCode::act, {x}, ParamBytes(ActParams{count, act}), std::move(name));
}

Value Builder::act_mul(Value gate, Value up, std::uint32_t act, std::string name) {
  const auto count = static_cast<uint>(program_.type_of(gate).shape.elements());
  return one(OpCode::act_mul, {gate, up}, ParamBytes(ActParams{count, act}), std::move(name));
}

Value Builder::add(Value a, Value b, std::string name) {
  const auto count = static_cast<uint>(program_.type_of(a).shape.elements());
  return one(OpCode::add, {a, b}, ParamBytes(AddParams{count}), std::move(name));
}

std::vector<Value> Builder::max_abs(Value x, Value offsets) {
  const SelectParams params{rows_of(x), width_of(x), rows_of(offsets) - 1, 1};
  return emit(OpCode::max_abs, {x, offsets}, ParamBytes(params), {"max_abs", "max_abs.index"});
}

std::vector<Value> Builder::top_k_abs(Value x, Value offsets, int k) {
  const SelectParams params{rows_of(x), width_of(x), rows_of(offsets) - 1, static_cast<uint>(k)};
  return emit(OpCode::top_k_abs, {x, offsets}, ParamBytes(params), {"top_k", "top_k.index"});
}

Value Builder::quantile_abs(Value x, Value offsets, Value ranks) {
  const QuantileParams params{rows_of(x), width_of(x), rows_of(offsets) - 1, width_of(ranks)};
  return one(OpCode::quantile_abs, {x, offsets, ranks}, ParamBytes(params), "quantile");
}

std::vector<Value> Builder::above_abs(Value x, Value offsets, Value level, AboveParams params) {
  params.rows = rows_of(x);
  params.dim = width_of(x);
  params.sequences = rows_of(offsets) - 1;
  params.levels = width_of(level);
  return emit(OpCode::above_abs, {x, offsets, level}, ParamBytes(params),
              {"above.count", "above", "above.index"});
}

std::vector<Value> Builder::channel_max_abs(Value x, Value offsets) {
  const ReduceParams params{rows_of(x), width_of(x), rows_of(offsets) - 1};
  return emit(OpCode::channel_max_abs, {x, offsets}, ParamBytes(params),
              {"channel_max", "channel_max.position"});
}

std::vector<Value> Builder::token_max_abs(Value x) {
  const ReduceParams params{rows_of(x), width_of(x), 0};
  return emit(OpCode::token_max_abs, {x}, ParamBytes(params), {"token_max", "token_max.channel"});
}

Value Builder::l2_norm(Value x) {
  return one(OpCode::l2_norm, {x}, ParamBytes(ReduceParams{rows_of(x), width_of(x), 0}), "l2_norm");
}

Value Builder::cross_entropy(Value logits, Value targets, Value state, std::uint32_t first) {
  const TileParams params{rows_of(logits), width_of(logits), first};
  return one(OpCode::cross_entropy, {logits, targets, state}, ParamBytes(params), "cross_entropy");
}

std::vector<Value> Builder::arg_max(Value logits, Value value, Value index, std::uint32_t first) {
  const TileParams params{rows_of(logits), width_of(logits), first};
  return emit(OpCode::arg_max, {logits, value, index}, ParamBytes(params),
              {"arg_max", "arg_max.index"});
}

void Builder::mark_output(Value value) {
  if (error_) return;
  TEPUI_ASSERT(value.present());
  ValueInfo& info = program_.values[value.id];
  TEPUI_ASSERT(info.role == Role::temp || info.role == Role::output);
  info.role = Role::output;
}

Result<Program> Builder::finish() {
  if (error_) return tl::unexpected(*error_);
  TEPUI_TRY(validate(program_));
  return std::move(program_);
}

}  // namespace tepui

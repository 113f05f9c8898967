// SPDX-License-Identifier: MIT
#include "ops/builder.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "ir/validate.h"

namespace tepui {

Value Builder::add_value(TensorType type, Role role, std::string name) {
  program_.values.push_back({type, role, std::move(name)});
  return Value{static_cast<std::uint32_t>(program_.values.size() - 1)};
}

Value Builder::input(TensorType type, std::string name) {
  return add_value(type, Role::input, std::move(name));
}

Value Builder::weight(TensorType type, std::string name) {
  return add_value(type, Role::weight, std::move(name));
}

uint Builder::narrow(std::int64_t size, Value value) {
  if (size <= std::numeric_limits<uint>::max()) return static_cast<uint>(size);
  if (!error_) {
    error_ =
        Error{ErrorKind::data, fmt::format("{}: expected sizes below 2^32, found {}",
                                           program_.info(value).name, type(value).to_string())};
  }
  return 0;
}

uint Builder::size(Value value, int axis) {
  const Shape shape = type(value).shape;
  return axis < shape.rank() ? narrow(shape[axis], value) : 0;
}

uint Builder::elements(Value value) { return narrow(type(value).shape.elements(), value); }

std::vector<Value> Builder::emit(OpCode op, std::vector<Value> in, const ParamBytes& params,
                                 std::vector<std::string> names) {
  std::vector<Value> out(names.size(), kNone);
  if (error_) return out;
  Types types;
  for (const Value value : in) {
    TEPUI_ASSERT(!value.present() || value.id < program_.values.size());
    types.push_back(type(value));
  }
  auto outputs = op_of(op).infer(types, params);
  if (!outputs) {
    error_ = std::move(outputs).error();
    if (!names.empty()) error_->message += fmt::format(" (step \"{}\")", names.front());
    return out;
  }
  TEPUI_ASSERT(outputs->size() == names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    out[i] = add_value((*outputs)[i], Role::temp, std::move(names[i]));
  }
  program_.steps.push_back({op, std::move(in), out, params});
  return out;
}

Value Builder::emit_one(OpCode op, std::vector<Value> in, const ParamBytes& params,
                        std::string name) {
  return emit(op, std::move(in), params, {std::move(name)}).front();
}

Builder::Selected Builder::emit_selected(OpCode op, std::vector<Value> in, const ParamBytes& params,
                                         const std::string& name, std::string_view index) {
  const auto out =
      emit(op, std::move(in), params, {name + ".value", fmt::format("{}.{}", name, index)});
  return {out[0], out[1]};
}

void Builder::mark_output(Value value) {
  if (error_) return;
  TEPUI_ASSERT(value.present() && value.id < program_.values.size());
  ValueInfo& info = program_.values[value.id];
  if (info.role == Role::input || info.role == Role::weight) {
    error_ = Error{ErrorKind::data,
                   fmt::format("output {}: expected a step's output, found an operand that the "
                               "caller binds",
                               info.name)};
    return;
  }
  info.role = Role::output;
}

Result<Program> Builder::finish() {
  if (error_) return tl::unexpected<Error>(*std::move(error_));
  TEPUI_TRY(validate(program_));
  return std::move(program_);
}

Value Builder::embed(Value ids, Value table, std::string name) {
  const EmbedParams params{size(ids, 0), size(table, 1), size(table, 0)};
  return emit_one(OpCode::embed, {ids, table}, ParamBytes(params), std::move(name));
}

Value Builder::cast(Value x, std::string name) {
  return emit_one(OpCode::cast, {x}, ParamBytes(CastParams{elements(x)}), std::move(name));
}

Value Builder::pack(Value stored, bool transposed, std::string name) {
  const uint stride = size(stored, 1);
  const uint n = transposed ? stride : size(stored, 0);
  const uint k = transposed ? size(stored, 0) : stride;
  return pack(stored, PackParams{n, k, 0, stride, transposed ? 1U : 0U}, std::move(name));
}

Value Builder::pack(Value stored, const PackParams& params, std::string name) {
  return emit_one(OpCode::pack, {stored}, ParamBytes(params), std::move(name));
}

Value Builder::linear(Value x, Value weight, Value bias, Value residual, uint act,
                      std::string name) {
  const LinearParams params{size(x, 0), size(weight, 0), size(weight, 1), act};
  return emit_one(OpCode::linear, {x, weight, bias, residual}, ParamBytes(params), std::move(name));
}

Value Builder::rms_norm(Value x, Value weight, float eps, std::string name) {
  return rms_norm_groups(x, weight, eps, 1, std::move(name));
}

Value Builder::layer_norm(Value x, Value weight, Value bias, float eps, std::string name) {
  return layer_norm_groups(x, weight, bias, eps, 1, std::move(name));
}

NormParams Builder::norm_params(Value x, Value weight, float eps, uint groups) {
  const bool apart = weight.present() && type(weight).shape.rank() == 2;
  return {size(x, 0), size(x, 1) / std::max(groups, 1U), eps, groups, apart ? 1U : 0U};
}

Value Builder::rms_norm_groups(Value x, Value weight, float eps, uint groups, std::string name) {
  const NormParams params = norm_params(x, weight, eps, groups);
  return emit_one(OpCode::rms_norm, {x, weight}, ParamBytes(params), std::move(name));
}

Value Builder::layer_norm_groups(Value x, Value weight, Value bias, float eps, uint groups,
                                 std::string name) {
  const NormParams params = norm_params(x, weight, eps, groups);
  return emit_one(OpCode::layer_norm, {x, weight, bias}, ParamBytes(params), std::move(name));
}

Value Builder::dyt(Value x, Value alpha, Value weight, Value bias, std::string name) {
  return emit_one(OpCode::dyt, {x, alpha, weight, bias},
                  ParamBytes(MatrixParams{size(x, 0), size(x, 1)}), std::move(name));
}

Value Builder::gate(Value x, Value bias, Value of, Value weight, uint act, std::string name) {
  const uint groups = size(bias, 0);
  return emit_one(
      OpCode::gate, {x, bias, of, weight},
      ParamBytes(GateParams{size(x, 0), groups, size(x, 1) / std::max(groups, 1U), act}),
      std::move(name));
}

Value Builder::rope(Value x, Value positions, Value table, uint heads, bool interleaved,
                    std::string name) {
  const RopeParams params{size(x, 0), heads, size(x, 1) / std::max(heads, 1U), size(table, 1),
                          interleaved ? 1U : 0U};
  return emit_one(OpCode::rope, {x, positions, table}, ParamBytes(params), std::move(name));
}

Value Builder::attention(Value q, Value k, Value v, Value offsets, Value bias,
                         const AttentionShape& shape, std::string name) {
  const bool cached = offsets.present() && type(offsets).shape.rank() == 2;  // [3, S + 1]
  const bool rows = cached && size(k, 1) != shape.head_dim;  // heads beside each other
  const uint sequences = std::max(size(offsets, cached ? 1 : 0), 1U) - 1;
  AttentionParams params{size(q, 0),  shape.heads,   shape.kv_heads, shape.head_dim, sequences,
                         shape.scale, shape.softcap, shape.window,   size(bias, 1)};
  if (cached) params.cached = size(k, 0) / (rows ? 1U : std::max(shape.kv_heads, 1U));
  params.form = shape.form | (shape.extra_key.present() ? TEPUI_ATTEND_EXTRA_KEY : 0U) |
                (shape.extra_value.present() ? TEPUI_ATTEND_EXTRA_VALUE : 0U) |
                (rows ? TEPUI_ATTEND_ROWS : 0U);
  params.gamma = shape.gamma;
  return emit_one(OpCode::attention,
                  {q, k, v, offsets, bias, kNone, shape.extra_key, shape.extra_value, kNone},
                  ParamBytes(params), std::move(name));
}

Value Builder::act(Value x, uint act, std::string name) {
  return emit_one(OpCode::act, {x}, ParamBytes(ActParams{elements(x), act}), std::move(name));
}

Value Builder::act_mul(Value gate, Value up, uint act, std::string name) {
  return emit_one(OpCode::act_mul, {gate, up}, ParamBytes(ActParams{elements(gate), act}),
                  std::move(name));
}

Value Builder::add(Value a, Value b, std::string name) {
  return emit_one(OpCode::add, {a, b}, ParamBytes(AddParams{elements(a)}), std::move(name));
}

Value Builder::scale(Value x, float factor, std::string name) {
  return emit_one(OpCode::scale, {x}, ParamBytes(ScalarParams{elements(x), factor}),
                  std::move(name));
}

Value Builder::clamp(Value x, float limit, std::string name) {
  return emit_one(OpCode::clamp, {x}, ParamBytes(ScalarParams{elements(x), limit}),
                  std::move(name));
}

Value Builder::softcap(Value x, float cap, std::string name) {
  return emit_one(OpCode::softcap, {x}, ParamBytes(ScalarParams{elements(x), cap}),
                  std::move(name));
}

Builder::Routed Builder::route(Value logits, uint k, const std::string& name) {
  const RouteParams params{size(logits, 0), size(logits, 1), k};
  const auto out =
      emit(OpCode::route, {logits}, ParamBytes(params), {name + ".expert", name + ".weight"});
  return {out[0], out[1]};
}

Value Builder::expert_linear(Value x, Value weight, Value expert, std::string name) {
  const uint k = size(weight, 2);
  const ExpertParams params{size(x, 0),      size(weight, 1), k,
                            size(weight, 0), size(expert, 1), size(x, 1) == k ? 0U : 1U};
  return emit_one(OpCode::expert_linear, {x, weight, expert}, ParamBytes(params), std::move(name));
}

Value Builder::expert_mix(Value x, Value weight, std::string name) {
  const uint chosen = size(weight, 1);
  const MixParams params{size(x, 0), size(x, 1) / std::max(chosen, 1U), chosen};
  return emit_one(OpCode::expert_mix, {x, weight}, ParamBytes(params), std::move(name));
}

Builder::Selected Builder::max_abs(Value x, Value offsets, const std::string& name) {
  const SelectParams params{size(x, 0), size(x, 1), std::max(size(offsets, 0), 1U) - 1, 1};
  return emit_selected(OpCode::max_abs, {x, offsets}, ParamBytes(params), name, "index");
}

Builder::Selected Builder::top_k_abs(Value x, Value offsets, uint k, const std::string& name) {
  const SelectParams params{size(x, 0), size(x, 1), std::max(size(offsets, 0), 1U) - 1, k};
  return emit_selected(OpCode::top_k_abs, {x, offsets}, ParamBytes(params), name, "index");
}

Value Builder::quantile_abs(Value x, Value offsets, Value ranks, std::string name) {
  const QuantileParams params{size(x, 0), size(x, 1), std::max(size(offsets, 0), 1U) - 1,
                              size(ranks, 1)};
  return emit_one(OpCode::quantile_abs, {x, offsets, ranks}, ParamBytes(params), std::move(name));
}

Builder::Above Builder::above_abs(Value x, Value offsets, Value level, const AboveRule& rule,
                                  const std::string& name) {
  const AboveParams params{size(x, 0),    size(x, 1),     std::max(size(offsets, 0), 1U) - 1,
                           rule.capacity, size(level, 1), rule.level_column,
                           rule.ratio,    rule.floor};
  const auto out = emit(OpCode::above_abs, {x, offsets, level}, ParamBytes(params),
                        {name + ".count", name + ".value", name + ".index"});
  return {out[0], out[1], out[2]};
}

Builder::Selected Builder::channel_max_abs(Value x, Value offsets, const std::string& name) {
  const ReduceParams params{size(x, 0), size(x, 1), std::max(size(offsets, 0), 1U) - 1};
  return emit_selected(OpCode::channel_max_abs, {x, offsets}, ParamBytes(params), name, "position");
}

Builder::Selected Builder::token_max_abs(Value x, const std::string& name) {
  const ReduceParams params{size(x, 0), size(x, 1), 0};
  return emit_selected(OpCode::token_max_abs, {x}, ParamBytes(params), name, "channel");
}

Value Builder::l2_norm(Value x, std::string name) {
  const ReduceParams params{size(x, 0), size(x, 1), 0};
  return emit_one(OpCode::l2_norm, {x}, ParamBytes(params), std::move(name));
}

Value Builder::l2_norm_groups(Value x, uint groups, std::string name) {
  const uint dim = groups == 0 ? 0 : size(x, 1) / groups;
  const ReduceParams params{narrow(std::int64_t{size(x, 0)} * groups, x), dim, 0};
  return emit_one(OpCode::l2_norm, {x}, ParamBytes(params), std::move(name));
}

Value Builder::cross_entropy(Value logits, Value targets, Value state, uint first,
                             std::string name) {
  const TileParams params{size(logits, 0), size(logits, 1), first};
  return emit_one(OpCode::cross_entropy, {logits, targets, state}, ParamBytes(params),
                  std::move(name));
}

Builder::Selected Builder::arg_max(Value logits, Value value, Value index, uint first,
                                   const std::string& name) {
  const TileParams params{size(logits, 0), size(logits, 1), first};
  return emit_selected(OpCode::arg_max, {logits, value, index}, ParamBytes(params), name, "index");
}

Value Builder::divergence(Value p, Value q, Value state, uint first, std::string name) {
  const TileParams params{size(p, 0), size(p, 1), first};
  return emit_one(OpCode::divergence, {p, q, state}, ParamBytes(params), std::move(name));
}

Value Builder::l2_distance(Value a, Value b, std::string name) {
  const ReduceParams params{size(a, 0), size(a, 1), 0};
  return emit_one(OpCode::l2_distance, {a, b}, ParamBytes(params), std::move(name));
}

Value Builder::row_level(Value level, Value offsets, Value rows, uint column, float ratio,
                         float floor, std::string name) {
  const uint levels = type(level).shape.rank() == 1 ? 1 : size(level, 1);
  const RowLevelParams params{
      size(rows, 0), std::max(size(offsets, 0), 1U) - 1, levels, column, ratio, floor};
  return emit_one(OpCode::row_level, {level, offsets}, ParamBytes(params), std::move(name));
}

Value Builder::mark_rows(Value rows, Value value, Value level, std::string name) {
  return emit_one(OpCode::mark_rows, {rows, value, level},
                  ParamBytes(MarkRowsParams{size(rows, 0)}), std::move(name));
}

Value Builder::mark_largest(Value rows, Value index, Value offsets, uint dim, std::string name) {
  const MarkLargestParams params{size(rows, 0), dim, std::max(size(offsets, 0), 1U) - 1};
  return emit_one(OpCode::mark_largest, {rows, index, offsets}, ParamBytes(params),
                  std::move(name));
}

Value Builder::edit(const EditOperands& operands, uint rule, float value, std::string name) {
  EditParams params{};
  params.rows = size(operands.x, 0);
  params.dim = size(operands.x, 1);
  params.rule = rule;
  params.value = value;
  if (operands.where.present())
    params.where =
        type(operands.where).dtype == DType::u32 ? TEPUI_WHERE_CHANNELS : TEPUI_WHERE_ABOVE;
  if (operands.operand.present()) {
    const bool by_row = type(operands.operand).shape.rank() == 1;
    params.operand = by_row ? TEPUI_OPERAND_ROW : TEPUI_OPERAND_TABLE;
    if (!by_row) params.tables = size(operands.operand, 0);
    if (rule == TEPUI_EDIT_PATCH) params.operand = TEPUI_OPERAND_WHOLE;
  }
  return emit_one(OpCode::edit,
                  {operands.x, operands.rows, operands.where, operands.reference, operands.operand},
                  ParamBytes(params), std::move(name));
}

}  // namespace tepui

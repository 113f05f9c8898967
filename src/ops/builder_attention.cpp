// SPDX-License-Identifier: MIT
// The Builder's steps that look at attention.
#include <algorithm>

#include "base/assert.h"
#include "ops/builder.h"

namespace tepui {

Builder::AttentionInputs Builder::attention_inputs(const Step& step) {
  TEPUI_ASSERT(step.op == OpCode::attention);
  AttentionInputs inputs{step.in[0], step.in[1], step.in[3], step.in[4],
                         step.params.as<AttentionParams>()};
  inputs.params.form &= ~TEPUI_ATTEND_EXTRA_VALUE;
  inputs.params.drop = 0;
  inputs.edits = step.in[5];
  inputs.extra_key = step.in[6];
  return inputs;
}

Builder::AttentionStats Builder::attention_stats(const AttentionInputs& attention, Value marked,
                                                 uint early, const std::string& name) {
  const AttentionStatsParams params{attention.params, early, size(marked, 1)};
  const auto out =
      emit(OpCode::attention_stats,
           {attention.q, attention.k, attention.offsets, attention.bias, marked, attention.edits,
            attention.extra_key},
           ParamBytes(params), {name + ".received", name + ".entropy", name + ".chosen"});
  return {out[0], out[1], out[2]};
}

Builder::AttentionMap Builder::attention_map(const AttentionInputs& attention, uint first,
                                             uint count, uint tokens, uint cells,
                                             const std::string& name) {
  const AttentionMapParams params{attention.params, first, count, tokens, cells};
  const auto out = emit(OpCode::attention_map,
                        {attention.q, attention.k, attention.offsets, attention.bias,
                         attention.edits, attention.extra_key},
                        ParamBytes(params), {name + ".score", name + ".probability"});
  return {out[0], out[1]};
}

Value Builder::head_values(Value v, Value marked, Value offsets, uint heads, uint kv_heads,
                           std::string name) {
  const HeadValuesParams params{size(v, 0),
                                heads,
                                kv_heads,
                                kv_heads == 0 ? 0 : size(v, 1) / kv_heads,
                                std::max(size(offsets, 0), 1U) - 1,
                                size(marked, 1)};
  return emit_one(OpCode::head_values, {v, marked, offsets}, ParamBytes(params), std::move(name));
}

Value Builder::put_rows(Value x, Value at, Value fresh, bool in_place, std::string name) {
  const uint tables = std::max(size(fresh, 1) / std::max(size(x, 1), 1U), 1U);
  const PutRowsParams params{size(x, 0) / tables, size(x, 1), size(at, 0), in_place ? 1U : 0U,
                             tables};
  return emit_one(OpCode::put_rows, {x, at, fresh}, ParamBytes(params), std::move(name));
}

Value Builder::mix_rows(Value weight, Value x, Value offsets, std::string name) {
  const MixRowsParams params{size(weight, 0), size(x, 1), std::max(size(offsets, 0), 1U) - 1,
                             size(weight, 1)};
  return emit_one(OpCode::mix_rows, {weight, x, offsets}, ParamBytes(params), std::move(name));
}

Value Builder::constancy(Value x, Value less, Value shift, Value mark, Value offsets, uint groups,
                         uint which, std::string name) {
  const ConstancyParams params{size(x, 0), groups == 0 ? 0 : size(x, 1) / groups,
                               std::max(size(offsets, 0), 1U) - 1, groups, which};
  return emit_one(OpCode::constancy, {x, less, shift, mark, offsets}, ParamBytes(params),
                  std::move(name));
}

}  // namespace tepui

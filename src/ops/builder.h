// SPDX-License-Identifier: MIT
// Makes a Program step by step. Each method adds one step and returns its output; parameters are
// read off the operands' types. The first error is kept until finish(), so that expressions stay
// clean; after it every method returns kNone.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tepui/op.h"
#include "tepui/program.h"
#include "tepui/result.h"

namespace tepui {

class Builder {
 public:
  Builder() = default;
  explicit Builder(Program program) : program_(std::move(program)) {}  // adds to what is there

  Value input(TensorType type, std::string name);
  Value weight(TensorType type, std::string name);

  Value embed(Value ids, Value table, std::string name);
  Value cast(Value x, std::string name);
  // The whole of a stored [n, k] matrix, or of [k, n] where transposed.
  Value pack(Value stored, bool transposed, std::string name);
  Value pack(Value stored, const PackParams& params, std::string name);
  Value linear(Value x, Value weight, Value bias, Value residual, uint act, std::string name);
  Value rms_norm(Value x, Value weight, float eps, std::string name);
  Value layer_norm(Value x, Value weight, Value bias, float eps, std::string name);
  // Of each of a row's groups; the weight is [D], or [groups, D] where each has its own.
  Value rms_norm_groups(Value x, Value weight, float eps, uint groups, std::string name);
  Value layer_norm_groups(Value x, Value weight, Value bias, float eps, uint groups,
                          std::string name);
  Value dyt(Value x, Value alpha, Value weight, Value bias, std::string name);
  // As many groups as bias has elements; `of` and weight both or neither.
  Value gate(Value x, Value bias, Value of, Value weight, uint act, std::string name);
  Value rope(Value x, Value positions, Value table, uint heads, bool interleaved, std::string name);
  struct AttentionShape {
    uint heads;
    uint kv_heads;
    uint head_dim;
    float scale;
    float softcap = 0;
    uint window = 0;
    // TEPUI_ATTEND_EXTRA, _ALWAYS and _SIGMOID, and gamma; the operands may be kNone.
    uint form = 0;
    float gamma = 0;
    Value extra_key = kNone;
    Value extra_value = kNone;
  };
  // offsets i32 [S + 1], or [3, S + 1] where k and v hold earlier rows as well, those of a head
  // together or, as wide as all heads, beside each other; bias may be kNone.
  Value attention(Value q, Value k, Value v, Value offsets, Value bias, const AttentionShape& shape,
                  std::string name);
  Value act(Value x, uint act, std::string name);
  Value act_mul(Value gate, Value up, uint act, std::string name);
  Value add(Value a, Value b, std::string name);
  Value scale(Value x, float factor, std::string name);
  Value clamp(Value x, float limit, std::string name);
  Value softcap(Value x, float cap, std::string name);

  struct Routed {
    Value expert;  // u32 [R, k]
    Value weight;  // f32 [R, k]
  };
  Routed route(Value logits, uint k, const std::string& name);
  // x is [R, K], or [R, k * K] with each expert's own.
  Value expert_linear(Value x, Value weight, Value expert, std::string name);
  Value expert_mix(Value x, Value weight, std::string name);

  // The outputs of statistics are named name.value, name.index and so on.
  struct Selected {
    Value value;
    Value index;  // for channel_max_abs the position, for token_max_abs the channel
  };
  struct Above {
    Value count;
    Value value;
    Value index;
  };
  struct AboveRule {
    uint capacity;
    uint level_column;
    float ratio;
    float floor;
  };
  Selected max_abs(Value x, Value offsets, const std::string& name);
  Selected top_k_abs(Value x, Value offsets, uint k, const std::string& name);
  Value quantile_abs(Value x, Value offsets, Value ranks, std::string name);
  Above above_abs(Value x, Value offsets, Value level, const AboveRule& rule,
                  const std::string& name);
  Selected channel_max_abs(Value x, Value offsets, const std::string& name);
  Selected token_max_abs(Value x, const std::string& name);
  Value l2_norm(Value x, std::string name);
  // Of each of a row's groups: f32 [R * groups].
  Value l2_norm_groups(Value x, uint groups, std::string name);
  Value cross_entropy(Value logits, Value targets, Value state, uint first, std::string name);
  Selected arg_max(Value logits, Value value, Value index, uint first, const std::string& name);
  Value divergence(Value p, Value q, Value state, uint first, std::string name);
  Value l2_distance(Value a, Value b, std::string name);

  // What selects, and edits, a site's activations (ops/op_list.h).
  Value row_level(Value level, Value offsets, Value rows, uint column, float ratio, float floor,
                  std::string name);
  Value mark_rows(Value rows, Value value, Value level, std::string name);
  Value mark_largest(Value rows, Value index, Value offsets, uint dim, std::string name);
  struct EditOperands {
    Value x;
    Value rows;
    Value where = kNone;
    Value reference = kNone;
    Value operand = kNone;
  };
  Value edit(const EditOperands& operands, uint rule, float value, std::string name);

  // What attention does, seen from outside (ops/attention_params.h); operands as attention's.
  struct AttentionStats {
    Value received;  // f32 [R, H, 2]
    Value entropy;   // f32 [R, H]
    Value chosen;    // f32 [R, M * H]
  };
  struct AttentionMap {
    Value score;        // f32 [cells]
    Value probability;  // f32 [cells]
  };
  struct AttentionInputs {
    Value q;
    Value k;
    Value offsets;
    Value bias;
    AttentionParams params;
    Value edits = kNone;
    Value extra_key = kNone;
  };
  // Those of a step of attention.
  static AttentionInputs attention_inputs(const Step& step);
  AttentionStats attention_stats(const AttentionInputs& attention, Value marked, uint early,
                                 const std::string& name);
  // Means over heads [first, first + count) of the first `tokens` of each sequence; `cells` are
  // those of all sequences.
  AttentionMap attention_map(const AttentionInputs& attention, uint first, uint count, uint tokens,
                             uint cells, const std::string& name);
  Value head_values(Value v, Value marked, Value offsets, uint heads, uint kv_heads,
                    std::string name);
  // The result is to be bound to the memory of x where `in_place`.
  Value put_rows(Value x, Value at, Value fresh, bool in_place, std::string name);
  Value mix_rows(Value weight, Value x, Value offsets, std::string name);
  // less and shift may be kNone.
  Value constancy(Value x, Value less, Value shift, Value mark, Value offsets, uint groups,
                  uint which, std::string name);

  // Losses, gradients and the steps of an optimiser (ops/train_params.h); weights of rows, a factor
  // and what came before may be kNone.
  Value transpose(Value x, std::string name);
  Value column_sum(Value x, std::int64_t columns, std::string name);
  Value act_grad(Value x, Value dy, Value factor, uint act, std::string name);
  struct NormGradient {
    Value dx;
    Value dn;
  };
  NormGradient norm_grad(Value x, Value weight, Value dy, const NormParams& norm, bool centred,
                         const std::string& name);
  struct AttentionGradient {
    Value dq;
    Value dk;
    Value dv;
    Value extra_key;
    Value extra_value;
  };
  // Of a step of attention.
  AttentionGradient attention_grad(const Step& step, Value dz, const std::string& name);
  struct DytGradient {
    Value dx;
    Value dn;
    Value da;
  };
  DytGradient dyt_grad(Value x, Value alpha, Value weight, Value dy, const std::string& name);
  struct GateGradient {
    Value dx;
    Value dbias;
    Value dof;
    Value dweight;
  };
  // Of a step of gate.
  GateGradient gate_grad(const Step& step, Value dy, const std::string& name);
  Value embed_grad(Value ids, Value dy, std::int64_t vocabulary, std::string name);
  Value nll(Value state, Value weight, std::string name);
  Value nll_grad(Value state, Value weight, std::string name);
  Value cross_entropy_grad(Value logits, Value targets, Value normaliser, uint first,
                           std::string name);
  Value squared_error(Value x, Value target, Value weight, std::string name);
  Value squared_error_grad(Value x, Value target, Value weight, std::string name);
  // `share` of the elements is dropped; `stream` tells the dropouts of one pass apart.
  Value dropout(Value x, Value key, double share, uint stream, std::string name);
  Value dropout(Value x, Value key, DropoutParams params, std::string name);
  Value sum_squares(Value x, Value before, std::string name);
  Value clip_factor(Value total, float limit, std::string name);
  struct Moments {
    Value m;
    Value v;
  };
  Moments moments(Value gradient, Value m, Value v, Value clip, double beta1, double beta2,
                  const std::string& name);
  Value adamw(Value p, const Moments& moments, Value schedule, double eps, double decay,
              std::string name);

  // A step with one output for each name.
  std::vector<Value> emit(OpCode op, std::vector<Value> in, const ParamBytes& params,
                          std::vector<std::string> names);

  void mark_output(Value value);  // of a step: the caller binds its buffer

  TensorType type(Value value) const { return program_.type_of(value); }
  const Program& program() const { return program_; }
  bool failed() const { return error_.has_value(); }

  Result<Program> finish();

 private:
  Value add_value(TensorType type, Role role, std::string name);
  Value emit_one(OpCode op, std::vector<Value> in, const ParamBytes& params, std::string name);
  Selected emit_selected(OpCode op, std::vector<Value> in, const ParamBytes& params,
                         const std::string& name, std::string_view index);
  NormParams norm_params(Value x, Value weight, float eps, uint groups);
  uint size(Value value, int axis);
  uint elements(Value value);
  uint narrow(std::int64_t size, Value value);

  Program program_;
  std::optional<Error> error_;
};

}  // namespace tepui

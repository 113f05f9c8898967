// SPDX-License-Identifier: MIT
#include <array>
#include <utility>

#include "base/assert.h"
#include "models/model.h"

namespace tepui {

namespace {

using RoleOf = WeightRole;
using Kind = WeightKind;

struct RoleRow {
  WeightRole role;
  std::string_view name;
  WeightKind kind;
};

// In the order of WeightRole.
constexpr RoleRow kRoles[] = {
    {RoleOf::token_embedding, "token_embedding", Kind::table},
    {RoleOf::position_embedding, "position_embedding", Kind::table},
    {RoleOf::embedding_factor, "embedding_factor", Kind::vector},
    {RoleOf::embedding_norm, "embedding_norm", Kind::vector},
    {RoleOf::embedding_norm_bias, "embedding_norm_bias", Kind::vector},
    {RoleOf::project_in, "project_in", Kind::matrix},
    {RoleOf::attn_norm, "attn_norm", Kind::vector},
    {RoleOf::attn_norm_bias, "attn_norm_bias", Kind::vector},
    {RoleOf::attn_norm_alpha, "attn_norm_alpha", Kind::vector},
    {RoleOf::q, "q", Kind::matrix},
    {RoleOf::q_bias, "q_bias", Kind::vector},
    {RoleOf::q_norm, "q_norm", Kind::vector},
    {RoleOf::q_norm_bias, "q_norm_bias", Kind::vector},
    {RoleOf::k, "k", Kind::matrix},
    {RoleOf::k_bias, "k_bias", Kind::vector},
    {RoleOf::k_norm, "k_norm", Kind::vector},
    {RoleOf::k_norm_bias, "k_norm_bias", Kind::vector},
    {RoleOf::v, "v", Kind::matrix},
    {RoleOf::v_bias, "v_bias", Kind::vector},
    {RoleOf::extra_key, "extra_key", Kind::vector},
    {RoleOf::extra_value, "extra_value", Kind::vector},
    {RoleOf::attn_gate, "attn_gate", Kind::matrix},
    {RoleOf::attn_gate_offset, "attn_gate_offset", Kind::vector},
    {RoleOf::head_gate, "head_gate", Kind::vector},
    {RoleOf::head_gate_offset, "head_gate_offset", Kind::vector},
    {RoleOf::o, "o", Kind::matrix},
    {RoleOf::o_bias, "o_bias", Kind::vector},
    {RoleOf::attn_norm_behind, "attn_norm_behind", Kind::vector},
    {RoleOf::mlp_norm, "mlp_norm", Kind::vector},
    {RoleOf::mlp_norm_bias, "mlp_norm_bias", Kind::vector},
    {RoleOf::mlp_norm_alpha, "mlp_norm_alpha", Kind::vector},
    {RoleOf::router, "router", Kind::matrix},
    {RoleOf::expert_gate, "expert_gate", Kind::experts},
    {RoleOf::expert_up, "expert_up", Kind::experts},
    {RoleOf::expert_down, "expert_down", Kind::experts},
    {RoleOf::gate, "gate", Kind::matrix},
    {RoleOf::gate_bias, "gate_bias", Kind::vector},
    {RoleOf::up, "up", Kind::matrix},
    {RoleOf::up_bias, "up_bias", Kind::vector},
    {RoleOf::down, "down", Kind::matrix},
    {RoleOf::down_bias, "down_bias", Kind::vector},
    {RoleOf::mlp_norm_behind, "mlp_norm_behind", Kind::vector},
    {RoleOf::final_norm, "final_norm", Kind::vector},
    {RoleOf::final_norm_bias, "final_norm_bias", Kind::vector},
    {RoleOf::final_norm_alpha, "final_norm_alpha", Kind::vector},
    {RoleOf::project_out, "project_out", Kind::matrix},
    {RoleOf::head, "head", Kind::matrix},
    {RoleOf::head_bias, "head_bias", Kind::vector},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < std::size(kRoles); ++i) {
    if (static_cast<std::size_t>(kRoles[i].role) != i) return false;
  }
  return static_cast<std::size_t>(RoleOf::head_bias) + 1 == std::size(kRoles);
}
static_assert(in_order());

const RoleRow& row_of(WeightRole role) { return kRoles[static_cast<std::size_t>(role)]; }

}  // namespace

WeightKind kind_of(WeightRole role) { return row_of(role).kind; }

std::string_view role_name(WeightRole role) { return row_of(role).name; }

TensorType resident_type(const BoundWeight& weight) {
  const std::int64_t n = weight.place.n;
  const std::int64_t k = weight.place.k;
  const auto tensors = static_cast<std::int64_t>(1 + weight.rest.size());
  switch (kind_of(weight.role)) {
    case WeightKind::table: return {weight.tensor->type.dtype, Shape{n, k}};
    case WeightKind::vector:
      if (weight.groups > 1) return {DType::f32, Shape{weight.groups, tensors * n / weight.groups}};
      return {DType::f32, Shape{tensors * n}};
    case WeightKind::matrix: return {packed_dtype(weight.tensor->type.dtype), Shape{n, k}};
    case WeightKind::experts:
      return {packed_dtype(weight.tensor->type.dtype), Shape{tensors, n, k}};
  }
  TEPUI_ASSERT(false);
  return {};
}

std::vector<float> vector_values(const BoundWeight& weight) {
  TEPUI_ASSERT(kind_of(weight.role) == WeightKind::vector);
  const PackParams& place = weight.place;
  std::vector<float> values;
  values.reserve(place.n * (1 + weight.rest.size()));
  const auto append = [&](const TensorRef& tensor) {
    const HostView view{tensor.type, tensor.bytes};
    for (std::int64_t i = 0; i < place.n; ++i) {
      std::int64_t at = place.run == 0 ? i : i / place.run * place.period + i % place.run;
      if (weight.paired_rows > 0)
        at = static_cast<std::int64_t>(
            paired_row(static_cast<std::uint64_t>(i), weight.paired_rows));
      const auto value = static_cast<float>(view.at(place.offset + at));
      values.push_back(weight.add != 0 ? value + weight.add : value);
    }
  };
  append(*weight.tensor);
  for (const TensorRef* tensor : weight.rest) append(*tensor);
  return values;
}

}  // namespace tepui

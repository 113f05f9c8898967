// SPDX-License-Identifier: MIT
#include "models/block_lowering.h"

namespace tepui {

Value BlockLowering::mlp(Value x) {
  if (form_.mlp == MlpKind::experts) return experts(x);
  Value act;
  if (form_.mlp == MlpKind::gated) {
    const Value gate =
        site(Site::mlp_pre, project(x, WeightRole::gate, WeightRole::gate_bias, "mlp_pre"));
    const Value up = site(Site::mlp_pre_linear,
                          project(x, WeightRole::up, WeightRole::up_bias, "mlp_pre_linear"));
    act = builder_.act_mul(gate, up, dims_.act, "mlp_act");
  } else {
    const Value pre =
        site(Site::mlp_pre, project(x, WeightRole::up, WeightRole::up_bias, "mlp_pre"));
    act = builder_.act(pre, dims_.act, "mlp_act");
  }
  site(Site::mlp_act, act);
  return site(Site::mlp_out, project(act, WeightRole::down, WeightRole::down_bias, "mlp_out"));
}

// Each token's chosen experts, the one with the largest logit first, stand beside each other.
Value BlockLowering::experts(Value x) {
  const Value logits =
      site(Site::router_logits, builder_.linear(x, weight(WeightRole::router), kNone, kNone,
                                                TEPUI_ACT_NONE, "router_logits"));
  const auto routed = builder_.route(logits, static_cast<uint>(dims_.experts_chosen), "route");
  const Value weights = site(Site::expert_weights, routed.weight);
  const Value gate = site(Site::mlp_pre, builder_.expert_linear(x, weight(WeightRole::expert_gate),
                                                                routed.expert, "mlp_pre"));
  const Value up = site(
      Site::mlp_pre_linear,
      builder_.expert_linear(x, weight(WeightRole::expert_up), routed.expert, "mlp_pre_linear"));
  const Value act = site(Site::mlp_act, builder_.act_mul(gate, up, dims_.act, "mlp_act"));
  const Value each = builder_.expert_linear(act, weight(WeightRole::expert_down), routed.expert,
                                            "experts' outputs");
  return site(Site::mlp_out, builder_.expert_mix(each, weights, "mlp_out"));
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
// What training adds: losses, the gradients of ops, and the steps of an optimiser; a part of
// ops/op_list.h, with its legend. A gradient is that of the sum of all losses; dy stands for the
// gradient of an op's output y.
#ifndef TEPUI_TRAIN_PARAMS_H
#define TEPUI_TRAIN_PARAMS_H

#include "ops/param_words.h"

#ifdef __cplusplus
namespace tepui {
#endif

// transpose: out[c, r] = x[r, c]
//   f32 [R, C] -> f32 [C, R]
// column_sum: out[c] = sum_r x[r, c]
//   f32 of R * C elements, row by row -> f32 [C]
struct MatrixParams {
  uint rows;
  uint columns;
};

// act_grad: out = act'(x) dy factor, with act' of relu 0 at 0; parameters of `act`
//   x and dy f32 of any shape, factor likewise or absent (1) -> the same

// norm_grad: with n what a norm makes of a group of x before weight and bias, s its factor
// 1 / sqrt(mean + eps) and g = dy weight:
//   dx = s (g - n mean(g n) - mean(g)), the last only where `centred` (layer_norm)
//   dn = dy n, whose sum over rows is the weight's gradient
//   x f32 [R, groups * D], weight as the norm's or absent, dy like x -> dx and dn like x
struct NormGradParams {
  uint rows;
  uint dim;
  float eps;
  uint groups;
  uint apart;
  uint centred;
};

// attention_grad: with w[t, j] the weights of `attention` behind its softmax or sigmoid, p[t, j]
// what they become by clipping and dropping, the extra key's among them, and its parameters
// (without a softcap, a key bias, `cached` or edits), dw[t, j] = dp/dw dz[t] v[j], ds = w (dw -
// sum_j w dw), of a sigmoid w (1 - w) dw:
//   dq[t] = scale sum_j ds[t, j] k[j], dk[j] = scale sum_t ds[t, j] q[t], dv[j] = sum_t p[t, j]
//   dz[t]; the last two also over the query heads that share a key head, and those of the extra key
//   by sequence, to be added up
//   q, k, v, offsets, dz f32 like q, extra_key, extra_value, drop_key -> dq, dk, dv,
//   d extra_key and d extra_value f32 [S, kv_heads * head_dim], 0 where there is none

// dyt_grad: with t = tanh(alpha x) and g = dy weight: dx = alpha g (1 - t^2), dn = dy t, whose sum
// over rows is the weight's gradient, da = g (1 - t^2) x, whose sum over all is alpha's
//   x f32 [R, C], alpha f32 [1], weight f32 [C] or absent, dy like x -> dx, dn, da like x

// gate: x times one factor for each of a row's groups (heads, or the whole row), act(bias[g] + sum
// of `of` times `weight` over the group's channels); act: TEPUI_ACT_NONE or TEPUI_ACT_SIGMOID
//   x f32 [R, G * D], bias f32 [G], of like x and weight f32 [G * D], or both absent -> f32 like x
// gate_grad: with ds what a factor's sum gets by row and group, dbias = ds, dof = ds weight and
// dweight = ds of, whose sums over rows are the gradients of bias and weight; 0 where absent
//   x, bias, of, weight, dy like x -> dx, dbias f32 [R, G], dof and dweight like x
struct GateParams {
  uint rows;
  uint groups;
  uint dim;
  uint act;
};

// embed_grad: out[i, :] = sum of dy[r, :] over the rows with ids[r] == i, in ascending r;
// parameters of `embed`
//   ids i32 [R], dy f32 [R, D] -> f32 [V, D]

// nll: out[r] = weight[r] (max + log(sum) - target's logit) of a state of cross_entropy; 0 where
// the weight is 0
//   state f32 [R, 3], weight f32 [R] or absent (1) -> f32 [R]
// nll_grad: what stands for the gradient of such a state, also of the states before it
//   state f32 [R, 3], weight f32 [R] or absent (1) -> f32 [R, 2] = (max + log(sum), weight)
// squared_error: out[r] = weight[r] sum_d (x[r, d] - target[r, d])^2
//   x and target f32 [R, D], weight f32 [R] or absent (1) -> f32 [R]
// squared_error_grad: out[r, d] = 2 weight[r] (x[r, d] - target[r, d])
//   x, target, weight -> f32 [R, D]
struct LossParams {
  uint rows;
  uint dim;
};
// cross_entropy_grad: out[r, i] = w (exp(x[r, i] - lse) - [first + i == target]), 0 where w is 0;
// parameters of `cross_entropy`
//   x f32 [R, tile], targets i32 [R], f32 [R, 2] = (lse, w) -> f32 [R, tile]

// dropout: out[i] = x[i] * scale, or 0 where the first word of pcg3d(i, key[0] + stream, key[1]) is
// below `threshold`
//   x f32 of any shape, key u32 [2] -> like x
struct DropoutParams {
  uint count;
  uint stream;     // which of the dropouts of one pass
  uint threshold;  // 2^32 times the share that is dropped
  float scale;     // 1 over the share that stays
};

// sum_squares: out = before + sum of x^2
//   x f32 of any shape, before f32 [1] or absent (0) -> f32 [1]
struct SumSquaresParams {
  uint count;
};
// clip_factor: out = (norm, factor) with norm = sqrt(total), factor = min(1, limit / (norm +
// 1e-6)), or 1 where the limit is 0
//   total f32 [1] -> f32 [2]
struct ClipParams {
  float limit;
};
// moments: AdamW's running means of the clipped gradient g = gradient * factor and of its square:
// m' = beta1 m + rest1 g, v' = beta2 v + rest2 g^2
//   gradient, m, v f32 of one shape, clip f32 [2] = (norm, factor) -> m', v'
struct MomentsParams {
  uint count;
  float beta1;
  float rest1;  // 1 - beta1
  float beta2;
  float rest2;
};
// adamw: out = p (1 - rate decay) - step m / (sqrt(v) root + eps)
//   p, m, v f32 of one shape, schedule f32 [3] = (rate, step = rate / (1 - beta1^t),
//   root = 1 / sqrt(1 - beta2^t)) -> like p
// An element of what moments and adamw give depends on that element of their operands alone: they
// may be bound to the same buffers.
struct AdamwParams {
  uint count;
  float eps;
  float decay;
};

#ifdef __cplusplus
}  // namespace tepui
#endif

#endif

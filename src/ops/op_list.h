// SPDX-License-Identifier: MIT
// The ops and their parameter blocks, read by C++ and by GLSL: one list, so that neither side has
// to match the other. Legend: R rows (tokens of a chunk), D width, S sequences of the chunk, H
// heads, T positions, V vocabulary; stored: f32, f16, bf16 or a quantised type
// (tensor/quant_block.h). Adding an op: a line in TEPUI_OP_LIST, a parameter block,
// src/ops/<name>.cpp (meaning), a kernel per backend.
#ifndef TEPUI_OP_LIST_H
#define TEPUI_OP_LIST_H

#include "ops/attention_params.h"
#include "ops/param_words.h"
#include "ops/train_params.h"

#ifdef __cplusplus
namespace tepui {
#endif

// What a linear layer or `act` applies to its sum.
#define TEPUI_ACT_NONE 0u
#define TEPUI_ACT_SILU 1u       // x / (1 + exp(-x))
#define TEPUI_ACT_GELU_ERF 2u   // x/2 (1 + erf(x / sqrt 2))
#define TEPUI_ACT_GELU_TANH 3u  // x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
#define TEPUI_ACT_RELU 4u
#define TEPUI_ACT_SIGMOID 5u  // 1 / (1 + exp(-x))

// embed: out[r, :] = table[ids[r], :]
//   ids i32 [R], table stored [V, D] -> f32 [R, D]
struct EmbedParams {
  uint rows;
  uint dim;
  uint vocabulary;
};

// cast: out[i] = in[i] as f32
//   stored, of any shape -> f32 of that shape
struct CastParams {
  uint count;
};

// pack: a stored matrix -> the backend's own layout
//   stored [N, K] or, transposed, [K, N] -> packed [N, K]; element (n, k) is read at
//   offset + m * stride + k, or transposed at offset + k * stride + m, where m = n or, where run is
//   not 0, n / run * period + n % run: runs of rows that lie `period` apart, as the queries of
//   fused matrices do; a quantised matrix is never transposed, and its offset, stride and k are
//   whole blocks
struct PackParams {
  uint n;
  uint k;
  uint offset;
  uint stride;
  uint transposed;
  uint run TEPUI_OR(0);
  uint period TEPUI_OR(0);
};

// linear: out = residual + act(x W^T + bias), the sum with its bias, the activation and the
// residual sum each rounded to f32, as the separate steps would
//   x f32 [R, K], W packed [N, K], bias f32 [N] or absent, residual f32 [R, N] or absent
//   -> f32 [R, N]
struct LinearParams {
  uint rows;
  uint n;
  uint k;
  uint act;
};

// Norms of each of a row's `groups` groups of D elements (heads, or the whole row); weights and
// bias are shared by the groups, or [groups, D] where `apart` is not 0. rms_norm: out = x /
// sqrt(mean(x^2) + eps) * weight
//   x f32 [R, groups * D], weight f32 [D] -> f32 like x
// layer_norm: out = (x - mean) / sqrt(var + eps) * weight + bias; var is the biased one
//   x f32 [R, groups * D], weight and bias f32 [D] or absent -> f32 like x
struct NormParams {
  uint rows;
  uint dim;
  float eps;
  uint groups TEPUI_OR(1);
  uint apart TEPUI_OR(0);
};

// dyt: what stands for a norm, without a statistic: out = tanh(alpha x) weight + bias; parameters
// of `transpose`
//   x f32 [R, C], alpha f32 [1], weight and bias f32 [C] or absent -> f32 like x

// rope: rotates the first rotary_dim of each head by its position's angle, or where `back` is not 0
// against it; pairs are (i, i + rotary_dim/2), or (2i, 2i + 1) where interleaved
//   x f32 [R, H * head_dim], positions i32 [R], table f32 [T, rotary_dim]: cosines, then sines
//   -> f32 like x
struct RopeParams {
  uint rows;
  uint heads;
  uint head_dim;
  uint rotary_dim;
  uint interleaved;
  uint back TEPUI_OR(0);
};

// act: out = act(x)
//   f32 of any shape -> the same
// act_mul: out = act(gate) * up
//   f32 of any shape, twice -> the same
struct ActParams {
  uint count;
  uint act;
};

// add: out = a + b
//   f32 of any shape, twice -> the same
struct AddParams {
  uint count;
};

// scale: out = x * value
// clamp: out = x limited to -value .. value; NaN stays
// softcap: out = value * tanh(x / value)
//   f32 of any shape -> the same
struct ScalarParams {
  uint count;
  float value;
};

// route: the k largest logits of each row, largest first (among equals the lowest index; a NaN wins
// where it comes first), and their softmax among each other, which is the softmax over all experts
// renormalised to the chosen ones
//   logits f32 [R, E] -> expert u32 [R, k], weight f32 [R, k]; k is at most TEPUI_MOST_CHOSEN
#define TEPUI_MOST_CHOSEN 32
struct RouteParams {
  uint rows;
  uint experts;
  uint k;
};

// expert_linear: out[r, j, :] = W[expert[r, j]] x_rj with x_rj = x[r, :] or, with `own`, x[r, j,
// :]; each sum in the order of `linear`
//   x f32 [R, K] or [R, k * K], W packed [E, N, K], expert u32 [R, k] -> f32 [R, k * N]
struct ExpertParams {
  uint rows;
  uint n;
  uint k;
  uint experts;
  uint chosen;  // experts of a row
  uint own;
};

// expert_mix: out[r, :] = sum_j weight[r, j] x[r, j, :], in ascending j
//   x f32 [R, k * D], weight f32 [R, k] -> f32 [R, D]
struct MixParams {
  uint rows;
  uint dim;
  uint chosen;
};

// Selections over the |x| of each sequence's rows; offsets i32 [S + 1] ascend from 0 to R. |x| are
// compared by their bits as unsigned integers, so that NaN counts as larger than infinity; among
// equal |x| the lowest index wins; an index counts from the sequence's first element:
// position * D + channel.
// max_abs: value f32 [S] (signed), index u32 [S]; an empty sequence gives 0 and 0xffffffff
// top_k_abs: value f32 [S, k], index u32 [S, k], largest first; absent places hold 0 and 0xffffffff
struct SelectParams {
  uint rows;
  uint dim;
  uint sequences;
  uint k;
};

// quantile_abs: out[s, q] = the ranks[s, q]-th smallest |x| (from 0), 0 where there is no such
// element; ranks u32 [S, Q]; f32 [S, Q]
struct QuantileParams {
  uint rows;
  uint dim;
  uint sequences;
  uint ranks;
};

// above_abs: all elements with |x| > t in ascending index order; t = ratio * l in f32, or floor
// where l is 0, with l = level[s, level_column]; nothing is above a t that is NaN
//   level f32 [S, levels] -> count u32 [S] (exact), value f32 [S, capacity], index u32 [S,
//   capacity] (the first `capacity`; unused places hold 0 and 0xffffffff)
struct AboveParams {
  uint rows;
  uint dim;
  uint sequences;
  uint capacity;
  uint levels;
  uint level_column;
  float ratio;
  float floor;
};

// channel_max_abs: value f32 [S, D] (signed), position u32 [S, D] from the sequence's first row; an
// empty sequence gives 0 and 0xffffffff
// token_max_abs: value f32 [R] (signed), channel u32 [R]
// l2_norm: out f32 [R] = sqrt(sum_d x[r, d]^2); x may have its rows in groups, [R / g, g * D]
// l2_distance: out f32 [R] = sqrt(sum_d (a[r, d] - b[r, d])^2), a and b f32 [R, D]
struct ReduceParams {
  uint rows;
  uint dim;
  uint sequences;
};

// cross_entropy: folds one tile of logits into the running log-sum-exp of each row
//   logits f32 [R, tile], targets i32 [R] (-1: none), state f32 [R, 3] = (max, sum of exp(x - max),
//   target's logit) -> state f32 [R, 3]
//   The loss of a row is max + log(sum) - target's logit. Start from (-inf, 0, 0).
// arg_max: folds one tile of logits into the running largest
//   logits f32 [R, tile], value f32 [R], index u32 [R] -> value f32 [R], index u32 [R]
//   Start from (-inf, 0xffffffff); the lowest index wins ties, NaN never wins.
// divergence: folds one tile of two models' logits into what KL(p || q) of each row needs
//   p and q f32 [R, tile], state f32 [R, 3] = (max of p, sum of exp(p - max),
//   sum of exp(p - max) * (p - q)) -> state f32 [R, 3]
//   KL(p || q) = third / second - lse(p) + lse(q), with the log-sum-exp of cross_entropy's states.
//   Start from (-inf, 0, 0). An element of p that is -inf counts as nothing.
struct TileParams {
  uint rows;
  uint tile;
  uint first;  // the vocabulary index of the tile's first column
};

// What selects, and edits, the activations of a site. A row that is not 0 in `rows` u32 [R] is
// selected; the number says which row of a table is its own, from 1.
//
// row_level: out[r] = the larger of floor and ratio * |level[s, column]| with s the row's sequence,
// the product in f32; NaN where the level is; floor and ratio are not negative
//   level f32 [S, levels] or [S], offsets i32 [S + 1] -> f32 [R]
// mark_rows: out[r] = rows[r] where |value[r]| > level[r], else 0; as in above_abs NaN is above
// every level that is a number, and nothing is above NaN
//   rows u32 [R], value f32 [R], level f32 [R] -> u32 [R]
// mark_largest: out[r] = rows[r] for the row of each sequence that holds its element index[s], as
// max_abs gives it, else 0
//   rows u32 [R], index u32 [S], offsets i32 [S + 1] -> u32 [R]
struct RowLevelParams {
  uint rows;
  uint sequences;
  uint levels;
  uint column;
  float ratio;
  float floor;
};
struct MarkRowsParams {
  uint rows;
};
struct MarkLargestParams {
  uint rows;
  uint dim;
  uint sequences;
};

// edit: out = rule(x) where the element is selected, else x, bit for bit
//   x f32 [R, D], rows u32 [R], where, reference, operand -> f32 [R, D]
// An element is selected if its row is and, by `where`: u32 [D], its channel is not 0; f32 [R], its
// |reference| is above where[r] (as in above_abs); absent, every channel. `reference` is f32 [R,
// D], or absent: x itself. `operand` is absent, f32 [R] (row r's own), f32 [tables, D] (row rows[r]
// - 1) or f32 [R, D].
#define TEPUI_EDIT_SET 0u    // value; no operand
#define TEPUI_EDIT_TABLE 1u  // operand [tables, D]; x where the table holds NaN
#define TEPUI_EDIT_PATCH 2u  // operand [R, D]
#define TEPUI_EDIT_CLIP 3u   // x with |x| at most operand [R], or value without one; NaN stays
#define TEPUI_EDIT_SCALE 4u  // x * value, in f32
#define TEPUI_EDIT_ONLY 5u   // x, and 0 where it is not selected; no operand
#define TEPUI_EDIT_F16 6u    // the nearest f16 (infinity from 65520 on); no operand
#define TEPUI_EDIT_BF16 7u   // the nearest bf16; no operand
// Scaled to a format's largest number: with a = |operand| [R] or [tables, D], the nearest of
// |x| * (top / a), at most top, times (a / top), with x's sign; each operation rounded to f32, to
// nearest even. 0 stays 0. top = 448 for fp8 (E4M3), 127 for int8.
#define TEPUI_EDIT_FP8 8u
#define TEPUI_EDIT_INT8 9u
#define TEPUI_EDIT_RAISE 10u  // x with |x| at least operand [R], or value without one; NaN stays
// Whatever these give that is no number is the NaN 0x7fc00000.
#define TEPUI_WHERE_ALL 0u
#define TEPUI_WHERE_CHANNELS 1u
#define TEPUI_WHERE_ABOVE 2u
#define TEPUI_OPERAND_NONE 0u
#define TEPUI_OPERAND_ROW 1u
#define TEPUI_OPERAND_TABLE 2u
#define TEPUI_OPERAND_WHOLE 3u
struct EditParams {
  uint rows;
  uint dim;
  uint tables;
  uint rule;
  uint where;
  uint operand;
  float value;
};

#ifdef __cplusplus
}  // namespace tepui

#define TEPUI_OP_LIST(X)                   \
  X(embed, EmbedParams)                    \
  X(cast, CastParams)                      \
  X(pack, PackParams)                      \
  X(linear, LinearParams)                  \
  X(rms_norm, NormParams)                  \
  X(layer_norm, NormParams)                \
  X(rope, RopeParams)                      \
  X(attention, AttentionParams)            \
  X(act, ActParams)                        \
  X(act_mul, ActParams)                    \
  X(add, AddParams)                        \
  X(scale, ScalarParams)                   \
  X(clamp, ScalarParams)                   \
  X(softcap, ScalarParams)                 \
  X(route, RouteParams)                    \
  X(expert_linear, ExpertParams)           \
  X(expert_mix, MixParams)                 \
  X(max_abs, SelectParams)                 \
  X(top_k_abs, SelectParams)               \
  X(quantile_abs, QuantileParams)          \
  X(above_abs, AboveParams)                \
  X(channel_max_abs, ReduceParams)         \
  X(token_max_abs, ReduceParams)           \
  X(l2_norm, ReduceParams)                 \
  X(cross_entropy, TileParams)             \
  X(arg_max, TileParams)                   \
  X(divergence, TileParams)                \
  X(l2_distance, ReduceParams)             \
  X(row_level, RowLevelParams)             \
  X(mark_rows, MarkRowsParams)             \
  X(mark_largest, MarkLargestParams)       \
  X(edit, EditParams)                      \
  X(attention_stats, AttentionStatsParams) \
  X(attention_map, AttentionMapParams)     \
  X(put_rows, PutRowsParams)               \
  X(head_values, HeadValuesParams)         \
  X(mix_rows, MixRowsParams)               \
  X(constancy, ConstancyParams)            \
  X(transpose, MatrixParams)               \
  X(column_sum, MatrixParams)              \
  X(act_grad, ActParams)                   \
  X(norm_grad, NormGradParams)             \
  X(attention_grad, AttentionParams)       \
  X(embed_grad, EmbedParams)               \
  X(nll, LossParams)                       \
  X(nll_grad, LossParams)                  \
  X(cross_entropy_grad, TileParams)        \
  X(squared_error, LossParams)             \
  X(squared_error_grad, LossParams)        \
  X(dropout, DropoutParams)                \
  X(sum_squares, SumSquaresParams)         \
  X(clip_factor, ClipParams)               \
  X(moments, MomentsParams)                \
  X(adamw, AdamwParams)                    \
  X(dyt, MatrixParams)                     \
  X(dyt_grad, MatrixParams)                \
  X(gate, GateParams)                      \
  X(gate_grad, GateParams)
#endif

#endif

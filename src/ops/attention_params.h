// SPDX-License-Identifier: MIT
// Attention, what can be read from it, and their parameter blocks: a part of ops/op_list.h, with
// its legend.
#ifndef TEPUI_ATTENTION_PARAMS_H
#define TEPUI_ATTENTION_PARAMS_H

#include "ops/param_words.h"

#ifdef __cplusplus
namespace tepui {
#endif

// attention: causal softmax(q k^T * scale) v within each sequence; query head h reads key head
// h / (heads / kv_heads); offsets ascend from 0 to R. Where they are not 0: a softcap c turns a
// score s into c tanh(s / c); then the key bias of head h adds bias[h, j] - bias[h, i] for key j
// and the query at position i; a window leaves the query only its last `window` keys, its own
// counted.
//   q f32 [R, heads * head_dim], k and v f32 [R, kv_heads * head_dim], offsets i32 [S + 1],
//   bias f32 [heads, bias_positions] or absent, edits, extra_key and extra_value f32
//   [kv_heads * head_dim] or absent, drop_key u32 [2] or absent -> f32 like q
// With `cached` N, k and v hold more rows than q, N of each key head, which lie together: they are
// f32 [kv_heads * N, head_dim], and row h N + r is what row r is for key head h. offsets is i32
// [3, S + 1], its second row where each sequence's keys begin, ascending, its third where they end
// (not above the next one's beginning, the last at most N; the last element of both rows is not
// read), and the queries of a sequence are its last positions. With TEPUI_ATTEND_ROWS k and v hold
// their heads beside each other all the same: f32 [N, kv_heads * head_dim]. The bits are those of
// the same rows computed with all queries.
//
// `form` says how else weights are made. With TEPUI_ATTEND_EXTRA every query of a sequence also
// sees one key that no token has, whatever its window: score scale q . extra_key, with the softcap
// and without the bias, and value extra_value; each is 0 where it is absent (both: softmax off by
// one). With TEPUI_ATTEND_ALWAYS as well its weight is 1 beside the softmax, a bias of the output.
// With TEPUI_ATTEND_SIGMOID a probability is 1 / (1 + exp(-(s + gamma))), without a sum. Else a
// gamma that is not 0 clips: p becomes max(0, (1 - gamma) p + gamma) with gamma <= 0, those of the
// sequence's keys. With TEPUI_ATTEND_PREFIX `window` leaves out nothing: every query also sees the
// first `window` keys of its sequence, those behind itself too (a prefix mask); there is neither a
// key bias nor `cached` then.
//
// `drop`, 65536ths of the probabilities << 16 | a stream, drops some of them, the last of all, and
// scales those that stay by 65536 / (65536 - share): the key at position j is dropped where the
// first word of pcg3d(row heads + head, drop_key[0] + (stream << 16) + j, drop_key[1]) >> 16 is
// below the share. The extra key stays.
//
// With `edits` E, what queries give some keys is changed on its way, by one edit after the other:
// scores as they enter the softmax, and, with TEPUI_EDIT_PROBABILITY, probabilities as they leave
// it, whose sum is then no longer 1. What a query does not see stays hidden.
//   edits u32 [E * (2 + heads) + K], K the rows of k (N): of each edit its rule (TEPUI_EDIT_SET,
//   _CLIP or _SCALE, see edit), the bits of its value, and 1 for every head that it reaches, else
//   0; then by key the edits that select it, bit e for edit e
struct AttentionParams {
  uint rows;
  uint heads;
  uint kv_heads;
  uint head_dim;
  uint sequences;
  float scale;
  float softcap TEPUI_OR(0);
  uint window TEPUI_OR(0);
  uint bias_positions TEPUI_OR(0);
  uint cached TEPUI_OR(0);
  uint edits TEPUI_OR(0);  // at most TEPUI_ATTENTION_EDITS
  uint form TEPUI_OR(0);
  float gamma TEPUI_OR(0);
  uint drop TEPUI_OR(0);
};
#define TEPUI_ATTEND_EXTRA 1u
#define TEPUI_ATTEND_EXTRA_KEY 2u    // extra_key is there
#define TEPUI_ATTEND_EXTRA_VALUE 4u  // extra_value is there
#define TEPUI_ATTEND_ALWAYS 8u
#define TEPUI_ATTEND_SIGMOID 16u
#define TEPUI_ATTEND_PREFIX 32u
#define TEPUI_ATTEND_ROWS 64u
#define TEPUI_EDIT_PROBABILITY 256u  // added to a rule
#define TEPUI_ATTENTION_EDITS 32u
#ifdef __cplusplus
inline std::uint64_t rows_of_keys(const AttentionParams& p) {
  return p.cached != 0 ? p.cached : p.rows;
}
// Whether the rows of a key head lie together.
inline bool by_head(const AttentionParams& p) {
  return p.cached != 0 && (p.form & TEPUI_ATTEND_ROWS) == 0;
}
#endif

// What attention does with the same operands (without `cached`), seen from outside; p[t, h, j] is
// the probability that the query of row t gives the key of row j in head h, behind edits.
// An extra key is no row: it takes its share of p and has a term of the entropy. Nothing is
// dropped. attention_stats: received[j, h, 0] = sum of p[t, h, j] over the sequence's queries,
// received[j, h, 1] = the same over those at positions below `early`; entropy[t, h] = -sum_j p ln p
// in nats; chosen[t, m, h] = p[t, h, j] of the key at position marked[s, m], 0 where the query does
// not see it or marked holds 0xffffffff
//   q, k, offsets, bias, marked u32 [S, M], edits, extra_key -> received f32 [R, H, 2], entropy f32
//   [R, H], chosen f32 [R, M * H]
struct AttentionStatsParams {
  AttentionParams of;
  uint early;
  uint marked;  // M, at least 1
};
// attention_map: scores as they enter the softmax, behind edits, and p, as means over heads [first,
// first + count); of each sequence the first n = min(T, tokens) queries and keys, n^2 cells by
// query, one sequence behind the other; where the query does not see the key -infinity and 0
//   q, k, offsets, bias, edits, extra_key -> score f32 [cells], probability f32 [cells]
struct AttentionMapParams {
  AttentionParams of;
  uint first;
  uint count;
  uint tokens;
  uint cells;
};

// put_rows: x, H tables of N rows, with part h of row i of `fresh` in place of row at[i] of table h
// (a cache of keys or values, a table of each head); `at` ascends strictly. With `in_place` the
// result is bound to the memory of x, and nothing but these rows is written.
//   x f32 [H * N, D], at i32 [R], fresh f32 [R, H * D] -> f32 [H * N, D]
struct PutRowsParams {
  uint rows;  // N
  uint dim;
  uint fresh;  // R
  uint in_place;
  uint tables TEPUI_OR(1);  // H
};

// head_values: what marked tokens give each head, apart: row (s, m, h) holds the value of the token
// at position marked[s, m] in the columns of head h, as attention reads it there, and 0 elsewhere;
// 0 everywhere where marked holds 0xffffffff
//   v f32 [R, kv_heads * head_dim], marked u32 [S, M], offsets i32 [S + 1]
//   -> f32 [S * M * heads, heads * head_dim]
struct HeadValuesParams {
  uint rows;
  uint heads;
  uint kv_heads;
  uint head_dim;
  uint sequences;
  uint marked;
};

// mix_rows: out[r, :] = sum_k weight[r, k] x[s * K + k, :] with s the row's sequence, in ascending
// k
//   weight f32 [R, K], x f32 [S * K, D], offsets i32 [S + 1] -> f32 [R, D]
struct MixRowsParams {
  uint rows;
  uint dim;
  uint sequences;
  uint k;
};

// constancy: how alike rows are. y = x - less - shift, the differences in f32; over the n rows of a
// sequence with mark[r] == which, in each of `groups` groups of a row's elements:
//   out[s, g] = (mean |y|^2, |mean y|^2, mean |y - mean y|^2, mean of cos(y, mean y))
// all 0 where n is 0; a cosine with a vector of norm 0 counts as 0
//   x f32 [R, groups * D], less like x or absent, shift f32 [groups * D] or absent, mark u32 [R],
//   offsets i32 [S + 1] -> f32 [S, groups, 4]
struct ConstancyParams {
  uint rows;
  uint dim;
  uint sequences;
  uint groups;
  uint which;
};

#ifdef __cplusplus
}  // namespace tepui
#endif

#endif

// SPDX-License-Identifier: MIT
// Cases of attention: sequences by their offsets, heads, and what a model may add.
#pragma once

#include <cmath>
#include <vector>

#include "support/op_harness.h"

namespace tepui::test {

struct Heads {
  uint heads;
  uint kv_heads;
  uint head_dim;
};

// What a model may add to plain attention.
struct Extras {
  float softcap = 0;
  uint window = 0;
  uint bias_positions = 0;
};

inline AttentionParams attention_params(const std::vector<double>& offsets, Heads h,
                                        Extras extras) {
  return {static_cast<uint>(offsets.back()),
          h.heads,
          h.kv_heads,
          h.head_dim,
          static_cast<uint>(offsets.size() - 1),
          1 / std::sqrt(static_cast<float>(h.head_dim)),
          extras.softcap,
          extras.window,
          extras.bias_positions};
}

inline OpCase attention_case(const std::vector<double>& offsets, Heads h, Fill qk, Fill v,
                             Extras extras = {}) {
  const auto rows = static_cast<std::int64_t>(offsets.back());
  const bool biased = extras.bias_positions != 0;
  const std::int64_t kv = std::int64_t{h.kv_heads} * h.head_dim;
  return {.op = OpCode::attention,
          .in = {f32({rows, std::int64_t{h.heads} * h.head_dim}, qk), f32({rows, kv}, qk),
                 f32({rows, kv}, v), i32(offsets),
                 biased ? f32({h.heads, extras.bias_positions}) : absent(), absent()},
          .params = ParamBytes(attention_params(offsets, h, extras))};
}

// Rows [begin, end) of a case, of one of its sequences.
struct RowRange {
  std::size_t begin;
  std::size_t end;
};
// So many of each sequence alone, behind a cache of the keys up to their end, whose heads lie
// beside each other, or apart.
OpData rows_alone(const OpData& whole, const std::vector<double>& offsets,
                  const std::vector<RowRange>& kept);
OpData keys_by_head(const OpData& alone);
// The same rows of what the whole gave.
Outputs rows_among(const OpData& whole, const Outputs& all, const std::vector<RowRange>& kept);

}  // namespace tepui::test

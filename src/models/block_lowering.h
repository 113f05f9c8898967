// SPDX-License-Identifier: MIT
// Emits one block, step by step as the papers draw it; remembers sites and weights on the way. Used
// by lower_block.
#pragma once

#include <string>

#include "models/lower.h"
#include "ops/builder.h"

namespace tepui {

class BlockLowering {
 public:
  // `cache` and `last` may be null; at least one of them is.
  BlockLowering(const Model& model, int layer, const ChunkShape& chunk, const CacheShape* cache,
                const ChunkShape* last)
      : model_(model),
        form_(model.spec.form),
        dims_(model.spec.dims),
        layer_(layer),
        rows_(chunk.rows()),
        chunk_(chunk),
        cache_(cache),
        last_(last) {}

  Result<Lowered> run();

 private:
  // How the parts meet the residual stream (lower_block.cpp).
  Value sequential(Value x);
  Value parallel(Value x);
  Value norm_after(Value x);
  Value norm_before(Site where, Value x);  // x itself where the model has no norm there
  Value behind(Site where, Value x);       // likewise, for what is added

  // The parts (lower_attention.cpp, lower_mlp.cpp).
  // Keys and values come from all rows, everything else from `own`: the same, or the last ones.
  Value attention(Value x, Value own);
  Value gated(Value x, Value mixed);
  Value head_norm(Value x, WeightRole gain, WeightRole bias, int heads, std::string name);
  Value rotate(Value x, int heads, std::string name);
  Value positions_of(Value x);
  Value clipped(Value x, std::string name);
  Value table(Table which);
  Value last_rows(Value x);  // x itself where all rows leave
  void bind_cache();
  Value with_cache(Value fresh, Value cached, std::string name);
  Value mlp(Value x);
  Value experts(Value x);

  Value site(Site where, Value value) {
    if (last_ == nullptr || has_all_rows(where)) out_.sites.emplace_back(where, value);
    return value;
  }
  const BoundWeight* find(WeightRole role) const;
  // The weight as an operand; kNone if the model has none of that role.
  Value weight(WeightRole role);
  Value norm(Value x, WeightRole gain, WeightRole bias, std::string name);
  Value project(Value x, WeightRole matrix, WeightRole bias, std::string name);

  const Model& model_;
  const Form& form_;
  const Dims& dims_;
  int layer_;
  std::int64_t rows_;
  const ChunkShape& chunk_;
  const CacheShape* cache_;
  const ChunkShape* last_;
  Builder builder_;
  Lowered out_;
};

}  // namespace tepui

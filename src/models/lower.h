// SPDX-License-Identifier: MIT
// Lowers the parts of a model to Programs for one chunk of rows. A lowered part names the values of
// its sites, so that taps and edits can be put there, and the weights that it must be bound to.
// Rows of several sequences stand behind one another: linear layers and norms see one matrix,
// attention sees the sequences apart.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/model.h"
#include "models/tables.h"
#include "ops/builder.h"
#include "tepui/program.h"
#include "tepui/result.h"
#include "tepui/site.h"

namespace tepui {

// The lengths of a chunk's sequences, each at least 1.
struct ChunkShape {
  std::vector<int> lengths;

  int rows() const;
  int sequences() const { return static_cast<int>(lengths.size()); }
  int longest() const;
  std::vector<std::int32_t> offsets() const;    // [S + 1]
  std::vector<std::int32_t> positions() const;  // [R], from 0 in each sequence
  bool operator==(const ChunkShape&) const = default;
};

struct Lowered {
  Program program;
  std::vector<std::pair<WeightRole, Value>> weights;
  std::vector<std::pair<Site, Value>> sites;
  // Inputs; kNone where the part has no use for it.
  Value hidden;                                 // f32 [R, D]
  Value ids;                                    // i32 [R]
  Value positions;                              // i32 [R]
  Value offsets;                                // i32 [S + 1]
  std::vector<std::pair<Table, Value>> tables;  // of the chunk's longest sequence
  Value result;                                 // f32 [R, D]; an output
};

// `gathered`: the table of tokens is bound to the rows of the chunk's tokens alone, and the ids
// count these.
Result<Lowered> lower_embedding(const Model& model, const ChunkShape& chunk, bool gathered = false);
Result<Lowered> lower_block(const Model& model, int layer, const ChunkShape& chunk);
// To the head's input, f32 [R, embedding_width].
Result<Lowered> lower_final_norm(const Model& model, const ChunkShape& chunk);
// The head's products as logits: scaled and capped where the model does so.
Value lower_logits(Builder& builder, const ModelSpec& spec, Value products);

// Layers of equal kind lower to equal Programs.
std::string layer_kind(const ModelSpec& spec, int layer);

}  // namespace tepui

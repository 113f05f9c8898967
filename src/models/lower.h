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

// Keys and values of what precedes a chunk's sequences, for parts that go on with them. Which rows
// they are is data: the chunk's inputs.
struct CacheShape {
  int before = 0;     // rows of the cache that is read
  int rows = 0;       // of the one that is left behind, the chunk's own among them
  int positions = 0;  // of the tables
  // What is read is what is left behind: the chunk's rows are written to their places in it, and
  // nothing moves.
  bool in_place = false;
};

// The inputs and outputs that a block has beside a cache. Row r of what is left behind is row
// moved[r] of what was there, where it moves, and row i of the chunk's keys and values is row
// at[i]. Rows that no sequence has may be any. In place the outputs are bound to the inputs'
// memory.
struct LoweredCache {
  Value keys;         // f32 [before, G d]
  Value values;       // f32 [before, G d]
  Value moved;        // i32 [rows], absent in place
  Value at;           // i32 [R], ascending
  Value offsets;      // i32 [3, S + 1]: of the chunk's rows; where its sequences' keys begin; end
  Value keys_left;    // f32 [rows, G d]; an output
  Value values_left;  // f32 [rows, G d]; an output
};

// The inputs of a block of whose sequences only the last rows leave: which rows they are is data.
struct LoweredLast {
  Value rows;       // i32 [L], ascending
  Value positions;  // i32 [L]; kNone where the part has no use for it
  Value offsets;    // i32 [3, S + 1]: of these rows; where each sequence's rows begin; end
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
  std::vector<std::pair<Table, Value>> tables;  // of the chunk's longest sequence, or the cache's
  LoweredCache cache;                           // of a block that has one
  LoweredLast last;                             // of a block whose last rows alone leave
  Value result;                                 // f32 [R, D], or [L, D]; an output
};

// `gathered`: the table of tokens is bound to the rows of the chunk's tokens alone, and the ids
// count these.
Result<Lowered> lower_embedding(const Model& model, const ChunkShape& chunk, bool gathered = false);
Result<Lowered> lower_block(const Model& model, int layer, const ChunkShape& chunk);
// The same for sequences whose beginnings are in a cache; the bits are those of whole sequences.
Result<Lowered> lower_block(const Model& model, int layer, const ChunkShape& chunk,
                            const CacheShape& cache);
// The same where only the last rows of each sequence leave, at least one: `last` has their lengths.
// Queries and what is behind them are computed for these alone, with the bits of a block of all
// rows. Sites are those that all rows have: what comes before the queries. The model must not have
// a prefix mask (Dims::prefix).
Result<Lowered> lower_block(const Model& model, int layer, const ChunkShape& chunk,
                            const ChunkShape& last);
// Whether a site is there even so.
bool has_all_rows(Site site);
// To the head's input, f32 [R, embedding_width].
Result<Lowered> lower_final_norm(const Model& model, const ChunkShape& chunk);
// The head's products as logits: scaled and capped where the model does so.
Value lower_logits(Builder& builder, const ModelSpec& spec, Value products);

// Layers of equal kind lower to equal Programs.
std::string layer_kind(const ModelSpec& spec, int layer);

}  // namespace tepui

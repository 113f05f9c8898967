// SPDX-License-Identifier: MIT
// Lowers the parts of a model to Programs for one chunk of rows. A lowered part names the values of
// its sites, so that taps and edits can be put there, and the weights that it must be bound to.
// Rows of several sequences stand behind one another: linear layers and norms see one matrix,
// attention sees the sequences apart.
#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "models/model.h"
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
  Value hidden;      // f32 [R, D]
  Value ids;         // i32 [R]
  Value positions;   // i32 [R]
  Value offsets;     // i32 [S + 1]
  Value rope_table;  // f32 [longest, rotary_dim]
  Value result;      // f32 [R, D]; an output
};

Result<Lowered> lower_embedding(const Model& model, const ChunkShape& chunk);
Result<Lowered> lower_block(const Model& model, int layer, const ChunkShape& chunk);
Result<Lowered> lower_final_norm(const Model& model, const ChunkShape& chunk);

// Layers of equal kind lower to equal Programs.
double layer_kind(const ModelSpec& spec, int layer);

// Whether the model computes such a site at all, and how wide it is.
std::optional<int> site_width(const ModelSpec& spec, Site site);

}  // namespace tepui

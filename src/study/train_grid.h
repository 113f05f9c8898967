// SPDX-License-Identifier: MIT
// `tepui train --grid`: the product of a recipe's [grid.model], [grid.data] and [grid.train] lists,
// a run in a folder of its own each, and what they came to side by side.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "study/recipe_file.h"
#include "study/train_run.h"
#include "study/zeroing.h"
#include "tepui/result.h"

namespace tepui {

struct GridCommand {
  TrainCommand train;
  int shard = 0;  // from 0: runs shard, shard + shards, ... are this process's
  int shards = 1;
};

struct GridLayer {
  double median = 0;  // of |x| of resid_post: a mean over the watched sequences
  double top = 0;     // likewise of the largest
  double ratio = 0;   // the mean of their ratios
};

struct GridRow {
  std::string name;
  bool finished = false;       // else nothing follows
  std::string failure;         // why it cannot go on: its loss, say, is no number
  double validation_loss = 0;  // of the whole validation data, nats a token
  double sink_rate = 0;        // the share of heads that are sinks, over all layers
  std::vector<GridLayer> layers;
  Zeroing zeroing;
};

struct GridView {
  std::function<void(const std::string& name, int number, int runs)> begin;
  TrainView train;
};

// Runs what is not finished, then measures; a stopped run ends it. A run whose numbers go wrong
// costs itself alone: its row has the failure.
Result<std::vector<GridRow>> run_grid(const GridCommand& command, const GridView& view);

// What run_grid would do; computes nothing and writes nothing.
struct GridPlanRow {
  std::string name;
  TrainPlan plan;
  std::int64_t steps = 0;
  bool finished = false;
  std::string state;  // in words
  std::int64_t left() const { return finished ? 0 : (steps - plan.first) * plan.tokens_per_step; }
};
struct GridPlan {
  std::filesystem::path folder;
  std::vector<GridPlanRow> runs;
  int finished = 0;
  std::int64_t left = 0;  // tokens to learn from, of this shard
};
Result<GridPlan> plan_grid(const GridCommand& command);
std::string grid_plan_text(const GridCommand& command, const GridPlan& plan);
std::string grid_plan_json(const GridPlan& plan);

std::string grid_table(const std::vector<GridRow>& rows);
std::string grid_json(const std::vector<GridRow>& rows);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// A whole model and its loss as one Program, for sequences of one length, put together from the
// same lowered parts that a scan runs, so that their sites are there; and the Program with its
// gradients.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "exec/tap.h"
#include "metrics/watch.h"
#include "models/lower.h"
#include "tepui/site.h"
#include "train/auxiliary.h"
#include "train/parameters.h"

namespace tepui {

struct TrainShape {
  int sequences = 1;
  int length = 1;      // tokens of each
  double dropout = 0;  // of embeddings, attention's probabilities, and what attention and MLP add
  bool gradients = true;
  const WatchWork* watch = nullptr;        // taps, without gradients
  std::vector<bool> frozen = {};           // by parameter: needs no gradient; empty: none
  std::optional<std::int32_t> begin = {};  // the token that every sequence begins with
  bool begin_predicts = true;              // whether what follows it counts
  int prefix = 0;                          // of the model's mask: what is seen does not count
  std::vector<AuxiliaryTerm> auxiliary = {};
  int accumulation = 1;  // micro-batches of a step, of which auxiliary losses are a mean
};

// How many of a sequence's first targets do not count: what follows a token that predicts nothing,
// and what a prefix mask shows.
std::size_t unpredicted(const TrainShape& shape);

// How a parameter is bound: the value itself, or a packed matrix of it, or, of a tied embedding,
// both. Values that the Program does not have are kNone.
struct ParameterUse {
  Value plain;                   // f32
  Value packed;                  // [N, K]
  Value transposed;              // packed [K, N], for gradients
  std::vector<Value> gradients;  // f32 of the parameter's shape; outputs, whose sum it is
};

struct TrainProgram {
  Program program;
  Value ids;        // i32 [R]
  Value targets;    // i32 [R]
  Value positions;  // i32 [R]; kNone where the model needs none
  Value offsets;    // i32 [S + 1]
  Value weights;    // f32 [R], of the rows' losses
  Value state;      // f32 [R, 3]: what cross_entropy starts from
  Value key;        // u32 [2], where there is dropout
  Value loss;       // f32 [R]; an output
  std::vector<std::pair<Table, Value>> tables;
  std::vector<ParameterUse> uses;  // by parameter
  std::vector<std::pair<Point, Value>> sites;
  // Of taps: what they bring back, by metric and place, and their constants.
  struct Output {
    int layer = 0;
    TapOutput tap;
  };
  std::vector<Output> watched;
  std::vector<Constant> constants;
  Value losses;               // f32 [R, 3], of a watched Program: cross_entropy's state
  AuxiliaryLosses auxiliary;  // of a Program with gradients
};

Result<TrainProgram> build_train_program(const Model& model,
                                         const std::vector<Parameter>& parameters,
                                         const TrainShape& shape);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// A short measurement of this machine on a model's own shapes: what a layer costs to load and to
// compute, and what the head costs. From it, what a whole run will take.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "exec/memory_division.h"

namespace tepui {

// Seconds.
struct Speed {
  int rows = 0;                   // of the chunk that was measured
  double load = 0;                // reading and packing a layer's weights
  double globals = 0;             // likewise what stands before and behind the layers
  double layer = 0;               // the chunk through a layer, with what is measured there
  double edited_layer = 0;        // likewise of another branch
  double head = 0;                // the chunk's scores in one branch
  double head_start = 0;          // what scoring costs beside, for each group of branches
  std::uint64_t layer_bytes = 0;  // that loading a layer read
};

// Loads one layer and runs the first chunk through it a few times.
Result<Speed> measure_speed(Backend& backend, const Model& model, ThreadPool& pool,
                            const MemoryQuestion& question, const MemoryDivision& memory);

// One layer's Program, and what each of its steps takes: the median over some rounds.
struct LayerSteps {
  Program program;
  std::vector<double> seconds;  // by step; of steps that run together the first has them all
};
// Of the middle layer and the first chunk, on a backend that was made with `profile`.
Result<LayerSteps> measure_layer_steps(Backend& backend, const Model& model, ThreadPool& pool,
                                       const MemoryQuestion& question, const MemoryDivision& memory,
                                       int rounds);

struct Expectation {
  std::int64_t tokens = 0;
  std::int64_t chunks = 0;
  std::int64_t waves = 0;
  std::int64_t block_runs = 0;           // chunks through layers, in all branches
  std::int64_t unshared_block_runs = 0;  // if every branch were run alone
  std::uint64_t bytes_read = 0;          // of weights, the head's included
  double layers = 0;                     // seconds of computing them
  double weights = 0;                    // of loading them
  double head = 0;
  bool overlaps = false;  // a device computes while the host loads
  double seconds() const {
    return (overlaps ? std::max(layers, weights) : layers + weights) + head;
  }
};

Expectation expect(const MemoryQuestion& question, const MemoryDivision& memory,
                   const Speed& speed);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// `tepui bench`: how fast backends compute a model, with and without statistics, in interleaved
// rounds beside what the machine reaches at best; and what a device of a given profile would need.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "exec/model_cost.h"
#include "tepui/backend.h"
#include "tepui/result.h"

namespace tepui {

struct BenchRequest {
  std::filesystem::path model;  // or
  std::string shape;            // models/named_shape.h
  std::vector<std::string> backends = {"cpu"};
  std::vector<std::string> types;  // f32, f16, bf16, q8_0; empty: as stored, f32 of a shape
  std::vector<int> lengths = {128, 512, 2048};
  std::string sites = "resid_post";
  int tokens = 2048;  // that a run computes, in sequences of each length
  int rounds = 7;
  int layers = 0;  // of a shape; 0: all that memory holds twice
  int threads = 0;
  std::string profile;  // of a prediction: a name of device_profiles(), or a backend's
  bool head = false;    // predict the scores of the vocabulary as well
  bool scores = false;  // measure those too: every token's loss
  bool last = false;    // measure those of each sequence's last position
  int generate = 0;     // measure, or predict, so many tokens behind a sequence; 0: none
};

// One thing that is measured, in every round once.
struct BenchRow {
  std::string backend;
  std::string type;
  int length = 0;
  int sequences = 0;
  double flops = 0;              // of a run without statistics
  double scored_flops = 0;       // of one with the scores of the vocabulary
  double token_bytes = 0;        // of weights that one more token reads
  std::vector<double> peaks;     // FLOP/s that the device reaches at best, by round
  std::vector<double> plain;     // seconds of a run, by round
  std::vector<double> measured;  // with the statistics of every layer
  std::vector<double> scored;    // without them, with every token's loss
  std::vector<double> last;      // without them, with the logits of each last position
  std::vector<double> token;     // seconds of one more token of one sequence
  std::vector<double> peak_bytes;
};

struct BenchResult {
  std::string model;
  int layers = 0;     // that were measured
  int of_layers = 0;  // that the model has; times are of all of them
  std::string sites;
  std::vector<DeviceInfo> devices;  // by backend
  std::vector<BenchRow> rows;
};

struct BenchProgress {
  std::function<void(int, int)> advance;  // runs that are done, and all of them
  // What is measured so far, at the end of a round in which everything was; an error ends the run.
  std::function<Status(const BenchResult&)> round;
};

Result<BenchResult> run_bench(const BenchRequest& request, const BenchProgress& progress);

struct Prediction {
  std::string model;
  DeviceProfile profile;
  std::vector<int> lengths;  // of the chunk
  std::vector<PartCost> parts;
  int token = 0;                      // the one in the middle of those behind it, from 1; 0: none
  std::vector<PartCost> token_parts;  // of that one alone
  bool measured = false;              // whether the device is there
  PartCost layer;                     // of the Program that was measured
  std::vector<double> seconds;        // of its steps
};
// One sequence of the first length.
Result<Prediction> predict(const BenchRequest& request);

}  // namespace tepui

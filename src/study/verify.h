// SPDX-License-Identifier: MIT
// Two backends on one model, step by step on identical inputs (backend/shadow.h): the first step
// whose outputs leave their bound, and how much of its bound each op uses.
#pragma once

#include <optional>

#include "backend/registry.h"
#include "base/thread_pool.h"
#include "exec/executor.h"
#include "study/scan.h"

namespace tepui {

struct VerifyRequest {
  ScanRequest scan;  // model, sequences (none: a short prompt), sites, backend, threads
  std::string against = "auto";
};

// Backend names in place of "auto". Alone, either is compared with what the machine has besides:
// cpu with a Vulkan device where there is one, else with the references; all others with cpu.
struct VerifyPair {
  std::string first;
  std::string second;
};
VerifyPair choose_pair(const std::string& backend, const std::string& against);

// The row of `ops` that holds the comparison of whole Programs with their steps.
inline constexpr const char* kWholePrograms = "whole programs";

struct VerifiedOp {
  std::string op;
  bool exact = false;  // every bit must be equal
  std::int64_t steps = 0;
  std::int64_t values = 0;  // elements that were compared
  double first = 0;         // the largest share of its bound that an element uses; up to 1 agrees
  double second = 0;
  std::string worst_at;  // "layer 3 mlp_out"; empty where all is equal
  std::int64_t deviating = 0;
};

// What a step gave at one element, beyond what it may.
struct StepDeviation {
  std::string part;  // "embedding", "block", "final norm", "head", "weights"
  int layer = kNoLayer;
  std::size_t step = 0;  // of the part's Program
  std::string op;
  std::string value;           // its name in the Program: the site's, where it is one
  std::string formula;         // "mlp_pre = linear(mlp_in, gate)"
  std::int64_t sequence = -1;  // -1 where the value has no such axis
  std::int64_t position = -1;
  std::int64_t channel = -1;
  std::int64_t element = 0;  // row-major
  std::string token;         // the bytes of the token at that position
  double first = 0;
  double second = 0;
  double reference = 0;
  double bound = 0;  // 0: bit-equal
  bool first_left = false;
  bool second_left = false;
  bool whole = false;  // the first's whole Program gave other bits than its steps one by one
};

struct Verification {
  struct Side {
    std::string backend;
    std::string device;
    std::string detail;
  };
  std::string model;
  Side first;
  Side second;
  bool references_alone = false;  // the second is the references themselves
  std::string sites;
  int sequences = 0;
  std::int64_t tokens = 0;
  std::int64_t steps = 0;
  std::int64_t deviating = 0;   // steps
  std::vector<VerifiedOp> ops;  // in order of first use
  std::optional<StepDeviation> first_deviation;
  double seconds = 0;

  bool agrees() const { return deviating == 0; }
};

struct VerifyInput {
  const Model& model;
  const Tokenizer* tokenizer;  // null: tokens have no spelling
  std::span<const std::vector<TokenId>> sequences;
  const SiteSelection& sites;
  ScanMetricOptions metrics;
  std::uint64_t weight_budget = std::uint64_t{1} << 30;
};

// Runs the model with its taps and its head (losses and most probable tokens). Without a second
// backend the first is held to the references. Goes on after a deviation: the inputs of the next
// step are the first backend's either way.
Result<Verification> verify_backends(std::unique_ptr<Backend> first,
                                     std::unique_ptr<Backend> second, const VerifyInput& input,
                                     ThreadPool& pool, const RunProgress& progress);

Result<Verification> run_verify(const VerifyRequest& request, const RunProgress& progress);

}  // namespace tepui

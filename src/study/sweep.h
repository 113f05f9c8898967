// SPDX-License-Identifier: MIT
// A sweep: every text of a study through every model under every branch. A job is one model and one
// text with all branches; its results are one store, in a folder that is named after both and after
// the hash of all that determines them, so that equal work is done once and nothing stale is taken
// for new. A job is cut into units, ranges of its sequences, each with a store of its own until all
// are there. Processes that work on one folder share the units: who computes a unit holds its lock,
// which the system releases when the process ends, however it ends, so that another takes it up.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "study/failure_list.h"
#include "study/input_request.h"
#include "study/study_file.h"

namespace tepui {

// In a sweep's folder: the jobs that it is for.
inline constexpr const char* kSweepFile = "sweep.json";

struct SweepRequest {
  Study study;
  std::filesystem::path out;
  std::string backend = "auto";
  int threads = 0;
  std::uint64_t memory = 0;
  int wave = 0;
  int shard = 0;   // from 0
  int shards = 1;  // units shard, shard + shards, ... are this process's
  int rank = 0;    // where a process begins among them, so that few meet
  int ranks = 1;
  std::string command;
  bool measure = false;  // this machine, to say beforehand what units take
};

struct SweepUnit {
  int first = 0;  // sequences [first, last)
  int last = 0;
  std::filesystem::path folder;
  // Of a dry run.
  std::uint64_t memory = 0;      // bytes
  std::uint64_t bytes_read = 0;  // of weights
  double seconds = 0;
};

struct SweepJob {
  std::string model;
  std::string text;
  std::string key;  // of the identity
  std::filesystem::path folder;
  int sequences = 0;
  std::int64_t tokens = 0;
  std::size_t branches = 1;
  std::int64_t block_runs = 0;     // lanes through layers; 0: massive layers must be found first
  std::int64_t unshared_runs = 0;  // if every branch were run alone
  std::uint64_t weight_bytes = 0;  // read once a wave
  double calibration = 0;          // seconds, once a process; of a dry run
  std::vector<SweepUnit> units;    // one with the job's own folder, or several
};

// What could not be planned or run: one line each, and the rest is done all the same.
struct SweepPlan {
  std::vector<SweepJob> jobs;  // models in order, and for each its texts
  bool measured = false;
  int shard = 0;  // whose units those that will be computed are
  int shards = 1;
  FailureList failures;
};

struct SweepOutcome {
  int units = 0;     // of this process's shard
  int computed = 0;  // by this process
  int there = 0;     // that were there, or that other processes computed
  FailureList failures;
};

// Opens every model and text and checks every branch. An error of the study itself (an edit that
// is wrong) fails as a whole.
Result<SweepPlan> plan_sweep(const SweepRequest& request, const RunProgress& progress);

// Whether the store in `folder` has all sequences [first, last) of the job.
bool is_done(const std::filesystem::path& folder, const SweepJob& job, int first, int last);

// Notes what the folder is for, beside the jobs: sweep.json. Says where an earlier plan had other
// results of the same name.
Status write_sweep_file(const SweepRequest& request, const SweepPlan& plan,
                        const RunProgress& progress);

// Computes what is not there, waits for what others compute, and joins the units of jobs that are
// complete.
Result<SweepOutcome> run_sweep(const SweepRequest& request, const SweepPlan& plan,
                               const RunProgress& progress);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// Interventions: what happens to a model's predictions and to its residual stream when massive
// activations are changed. The unedited run and all branches pass through the layers together.
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "plan/massive_rule.h"
#include "plan/schedule.h"
#include "study/branch_setup.h"
#include "study/input_request.h"
#include "study/run_plan.h"
#include "study/run_store.h"
#include "tepui/metric.h"
#include "tepui/result.h"

namespace tepui {

// What was done in the two published studies, by name (see protocol_branches).
enum class Protocol : std::uint8_t { none, sun2024, owen2025 };
Result<Protocol> protocol_from_name(std::string_view name);

struct InterveneRequest : InputRequest {
  std::vector<BranchRequest> branches;  // none: those of the protocol, or the default ones
  bool unedited_alone = false;          // no branches at all
  Protocol protocol = Protocol::none;
  MassiveRule rule;
  std::string sites = "resid_post";  // where the change is measured
  CalibrationRequest calibration;
};

// Detects and calibrates on the calibration text where an edit needs it, then runs what the store
// does not hold yet.
Result<RunOutcome> run_intervene(const InterveneRequest& request, const RunProgress& progress);

// An intervention whose model and texts are open and checked, to be run as a whole or in parts,
// each with a store of its own; a calibration serves all of them.
class OpenIntervention {
 public:
  static Result<std::unique_ptr<OpenIntervention>> open(const InterveneRequest& request);
  OpenIntervention(const OpenIntervention&) = delete;
  OpenIntervention& operator=(const OpenIntervention&) = delete;

  const ScanInput& input() const { return input_; }
  const nlohmann::json& identity() const { return identity_; }  // what its results depend on
  std::size_t branches() const { return specs_.size() + 1; }
  // Nothing where massive layers must be found first.
  Result<std::optional<Schedule>> schedule() const;

  // What runs of parts of the sequences, [first, last) each, will take. This machine is measured
  // once, for some seconds. Massive layers are not looked for: all are taken to be so.
  struct Estimate {
    double calibration = 0;  // seconds, once for all parts
    struct Part {
      std::uint64_t memory = 0;  // bytes
      Expectation expected;
    };
    std::vector<Part> parts;
    bool all_layers = false;  // massive layers are found first
  };
  Result<Estimate> estimate(std::span<const std::pair<int, int>> parts);
  // Of a dry run.
  Result<RunOutcome> plan(const RunProgress& progress);

  // Runs what the store in `out` (none: the default folder) lacks of these sequences [first, last).
  Result<RunOutcome> run(const std::optional<std::filesystem::path>& out,
                         std::optional<std::pair<int, int>> sequences, const RunProgress& progress);

 private:
  // What will run, as far as that can be told beforehand.
  struct Planned {
    std::vector<Branch> branches;
    Schedule schedule;
    Schedule unedited;
    SiteSelection sites;
    SiteSelection calibration_sites;
    std::vector<std::unique_ptr<Metric>> metrics;
    std::vector<std::unique_ptr<Metric>> calibration_metrics;
    bool all_layers = false;
    RunWork work() const { return {schedule, sites, metrics, true}; }
    RunWork calibration() const { return {unedited, calibration_sites, calibration_metrics}; }
  };
  struct Ready {
    std::vector<BranchSpec> specs;
    Calibration calibration;
  };

  explicit OpenIntervention(const InterveneRequest& request);
  nlohmann::json make_identity() const;
  ScanMetricOptions measured() const;
  Result<Planned> planned() const;
  // Seconds, at the speed that was measured for the run.
  Result<double> calibration_time(const Planned& planned, const Speed& speed) const;
  Result<Ready> ready(RunStore& run, const RunProgress& progress);
  Error with_hint(Error error) const;
  Status run_branches(RunStore& run, std::span<const Branch> branches);

  InterveneRequest request_;
  ThreadPool pool_;
  ScanInput input_;
  std::vector<std::vector<TokenId>> calibration_text_;
  std::vector<BranchSpec> specs_;  // as they were asked for
  nlohmann::json identity_;
  std::optional<Ready> calibrated_;
};

// sun2024: at the first massive layer the massive activations of the token with the largest value
// and of position 0 become 0, or their means (tokens at position 0 and others apart).
// owen2025: likewise all massive activations of that layer.
// none: zero and mean of the first massive layer and of all massive layers, and a clip at 100
// medians.
std::vector<BranchRequest> protocol_branches(Protocol protocol);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// The massive activations of the residual stream in the unedited run: one pass that keeps nothing
// else. Attention and origins are then asked about the tokens that hold them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "exec/executor.h"
#include "metrics/row_sink.h"
#include "study/branch_setup.h"
#include "study/run_plan.h"
#include "tepui/metric.h"
#include "tepui/result.h"

namespace tepui {

struct MassiveActivation {
  int layer = 0;  // of resid_post
  std::int64_t position = 0;
  std::int64_t channel = 0;
  float value = 0;
};

// By sequence of the run; those that were not looked at have none.
using MassiveActivations = std::vector<std::vector<MassiveActivation>>;

// What that pass computes, for who plans it.
class MassivePass {
 public:
  static Result<MassivePass> make(const ModelSpec& spec, const MassiveRule& rule);

  RunWork work(bool keeps_states) const;
  // How long it will take for all sequences, as a line of a plan.
  Result<std::string> text(const InputRequest& request, const ScanInput& opened,
                           const Speed& speed) const;

 private:
  MassivePass() = default;

  Schedule schedule_;
  SiteSelection sites_;
  std::vector<std::unique_ptr<Metric>> metrics_;
};

// Of the sequences in `ranges`, within request.memory. With a folder to keep states in, what a run
// of the same name that was killed has found is taken up. An error where more than kMostMarked
// tokens of a sequence hold one.
inline constexpr int kMostMarked = 64;
Result<MassiveActivations> find_massive(const InputRequest& request, const ScanInput& opened,
                                        ThreadPool& pool, const MassiveRule& rule,
                                        std::span<const SequenceRange> ranges,
                                        const StateKeeping& keeping, const OnProgress& on_progress);

// Where a store's run keeps what find_massive() left, and its end: nothing of it is needed any
// more.
StateKeeping massive_keeping(const std::filesystem::path& store, const std::string& identity);
void forget_massive(const StateKeeping& keeping);

// Their tokens.
TokenMarks marks_of(const MassiveActivations& activations);

// Puts the massive activations of a unit's sequences before its rows, as `massive` of resid_post.
class MassiveRows final : public RowSink {
 public:
  MassiveRows(RowSink& sink, const MassiveActivations& massive) : sink_(sink), massive_(massive) {}

  Status begin_unit(int first_sequence, int last_sequence) override;
  Status add(const Observation& row) override { return sink_.add(row); }
  Status add(const Series& row) override { return sink_.add(row); }
  Status end_unit() override { return sink_.end_unit(); }

 private:
  RowSink& sink_;
  const MassiveActivations& massive_;
};

}  // namespace tepui

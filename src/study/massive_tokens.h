// SPDX-License-Identifier: MIT
// The massive activations of the residual stream in the unedited run: one pass that keeps nothing
// else. Attention and origins are then asked about the tokens that hold them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "exec/executor.h"
#include "metrics/row_sink.h"
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

// Of the sequences in `ranges`, by options.massive. An error where more than kMostMarked tokens of
// a sequence hold one.
inline constexpr int kMostMarked = 64;
Result<MassiveActivations> find_massive(Backend& backend, const Model& model, ThreadPool& pool,
                                        const ExecOptions& options, Sequences sequences,
                                        std::span<const SequenceRange> ranges,
                                        const OnProgress& on_progress);

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

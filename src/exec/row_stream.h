// SPDX-License-Identifier: MIT
// Activations streamed back: the rows of a site, as computed, handed to whoever asked for them
// while the device computes the next chunk. Clipping, capture and probe training take rows through
// this interface, whatever the backend. Nothing is dropped: who takes rows slowly slows the run.
#pragma once

#include <span>

#include "plan/site_selection.h"
#include "tepui/result.h"
#include "tepui/site.h"

namespace tepui {

// The rows of one site for one chunk: whole sequences, one behind the other.
struct RowBlock {
  Point point;
  int first_sequence = 0;        // in the numbering of the run
  std::span<const int> lengths;  // of the sequences, in tokens
  int width = 0;
  std::span<const float> rows;  // [R, width] with R the sum of lengths; valid during take() only
};

// An error that names the first value that is not finite. What an edit makes of activations need
// not be.
Status check_finite_row(std::span<const float> row, Point point, int sequence, int position);
Status check_finite_rows(const RowBlock& block);

// Blocks come in order of computation: unit by unit (the sequences of one wave), in it layer by
// layer, in it chunk by chunk, in it site by site. Every sequence of a unit comes exactly once for
// each site that was asked for. An error stops the run and is what the run returns.
class RowConsumer {
 public:
  virtual ~RowConsumer() = default;
  virtual Status begin_unit(int /*first_sequence*/, int /*last_sequence*/) { return {}; }
  // Called on the thread that runs the executor, between calls to the backend: it may use the same
  // backend. The next chunk is on its way meanwhile.
  virtual Status take(const RowBlock& block) = 0;
  // Before the unit's other results are committed: what must not be lost is safe when it returns.
  virtual Status end_unit() { return {}; }
};

// Which rows are asked for, and by whom; nothing without a consumer.
struct RowRequest {
  SiteSelection sites;
  RowConsumer* consumer = nullptr;
  int branch = 0;  // of the schedule, whose rows they are; 0: the unedited run
};

}  // namespace tepui

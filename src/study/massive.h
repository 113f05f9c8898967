// SPDX-License-Identifier: MIT
// Which activations are massive, decided from stored rows, so that another rule needs no new run.
// Per sequence: a place is massive if its largest |x| passes, and then each of its values that
// passes is a massive activation. Passing is strictly more than both thresholds; all comparisons in
// double.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "plan/massive_rule.h"
#include "store/reader.h"
#include "tepui/result.h"
#include "tepui/site.h"

namespace tepui {

// A median of 0 leaves the absolute threshold alone to decide.
bool passes(const MassiveRule& rule, double value, double median);

struct MassiveValue {
  Point point;
  int sequence = 0;
  std::int64_t position = 0;
  std::int64_t channel = 0;
  float value = 0;
  std::optional<double> ratio;  // |value| / median; nothing where the median is 0
};

// Not every passing value is listed: more values stood out than a run keeps.
struct CutList {
  Point point;
  int sequence = 0;
  std::int64_t listed = 0;
  std::int64_t count = 0;
};

struct MassiveReport {
  std::vector<MassiveValue> values;  // by place, sequence, position, channel
  std::vector<CutList> cuts;
};

// The rows of one sequence at one place.
struct PlaceRows {
  Point point;
  int sequence = 0;
  double median = 0;
  std::vector<ObservationRow> top;        // by rank
  std::vector<ObservationRow> quantiles;  // by rank
  std::vector<ObservationRow> above;
  std::int64_t above_count = 0;
  std::optional<double> keep_ratio;  // nothing: the run kept no `above` rows
};

// Nothing where this sequence has no rows there.
Result<std::optional<PlaceRows>> read_place(StoreReader& store, int sequence, Point point);

// Adds what the rule finds in one place. An error where the rule asks for smaller values than the
// run kept. `keep_floor`: what was kept where the median is 0, if known. Rows that are not finite
// are the caller's to report; such a place is not judged.
Status judge(const PlaceRows& place, const MassiveRule& rule, std::optional<double> keep_floor,
             MassiveReport& report);

}  // namespace tepui

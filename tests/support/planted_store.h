// SPDX-License-Identifier: MIT
// A small store made by hand, for the tests of what reads one: known sequences, tokens and values.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "store/writer.h"

namespace tepui::test {

struct PlantedValue {
  std::int64_t position = 0;
  std::int64_t channel = 0;
  float value = 0;
};

// The rows of one sequence at one place as a scan would write them: top_k of `values` (given
// largest first), their median, and as `above` those over keep_ratio * median, at most `capacity`
// of them.
struct PlantedPlace {
  int sequence = 0;
  Point point;
  float median = 1;
  std::vector<PlantedValue> values;
  double keep_ratio = 10;
  std::size_t capacity = 64;
};

Status add_place(RowSink& sink, const PlantedPlace& place);

struct PlantedInput {
  std::vector<SequenceRow> sequences;
  std::vector<VocabularyRow> vocabulary;
};

// `sequences` of <s> The . and 中 with nasty tokens at the end (see the source).
PlantedInput planted_input(int sequences);

nlohmann::json planted_identity();
RunInfo planted_run();

// Writes the places, a unit per sequence.
Status plant(const std::filesystem::path& folder, const PlantedInput& input,
             const std::vector<PlantedPlace>& places);

}  // namespace tepui::test

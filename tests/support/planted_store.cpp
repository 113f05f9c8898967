// SPDX-License-Identifier: MIT
#include "support/planted_store.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace tepui::test {

namespace {

Observation observation(const PlantedPlace& place, std::string_view metric, int rank) {
  Observation row;
  row.sequence = place.sequence;
  row.point = place.point;
  row.metric = metric;
  row.rank = rank;
  return row;
}

}  // namespace

Status add_place(RowSink& sink, const PlantedPlace& place) {
  int rank = 0;
  for (const PlantedValue& planted : place.values) {
    Observation row = observation(place, "top_k", rank++);
    row.position = planted.position;
    row.channel = planted.channel;
    row.value = planted.value;
    TEPUI_TRY(sink.add(row));
  }
  for (const auto& [index, fraction, factor] :
       {std::tuple{0, 0.25, 0.5F}, {1, 0.5, 1.0F}, {2, 0.99, 3.0F}}) {
    Observation row = observation(place, "quantile", index);
    row.parameter = fraction;
    row.value = place.median * factor;
    TEPUI_TRY(sink.add(row));
  }
  auto above = place.values;
  std::erase_if(above, [&](const PlantedValue& planted) {
    return !(std::abs(planted.value) > place.keep_ratio * double{place.median});
  });
  std::sort(above.begin(), above.end(), [](const PlantedValue& a, const PlantedValue& b) {
    return std::tie(a.position, a.channel) < std::tie(b.position, b.channel);
  });
  Observation count = observation(place, "above_count", -1);
  count.parameter = place.keep_ratio;
  count.value = static_cast<float>(above.size());
  TEPUI_TRY(sink.add(count));
  for (std::size_t at = 0; at < std::min(above.size(), place.capacity); ++at) {
    Observation row = observation(place, "above", static_cast<int>(at));
    row.parameter = place.keep_ratio;
    row.position = above[at].position;
    row.channel = above[at].channel;
    row.value = above[at].value;
    TEPUI_TRY(sink.add(row));
  }
  return {};
}

PlantedInput planted_input(int sequences) {
  PlantedInput input;
  for (int index = 0; index < sequences; ++index)
    input.sequences.push_back({"sample.txt", index * 7, true, {1, 10, 11, 12, 11, 13, 14, 15}});
  input.vocabulary = {{1, "<s>", "<s>"},
                      {10, "\u2581The", " The"},
                      {11, ".", "."},
                      {12, "\u4e2d", "\u4e2d"},
                      {13, "<script>", "<script>\"'&\\"},
                      {14, "<0xF0>", "\xF0"},
                      {15, "\u202e", "\u202e\n\x01\U0001F600"}};
  return input;
}

nlohmann::json planted_identity() {
  return {{"model", "a1b2"},
          {"text", "c3d4"},
          {"options", {{"context", 8}, {"top", 5}}},
          {"keep_floor", 10.0}};
}

RunInfo planted_run() {
  return {"{\"top\":5}", "tiny",       "models/tiny", "a1b2", "SentencePiece BPE",
          "e5f6",        "sample.txt", "c3d4",        "cpu",  "cpu",
          "avx2",        "0.1.0"};
}

Status plant(const std::filesystem::path& folder, const PlantedInput& input,
             const std::vector<PlantedPlace>& places) {
  TEPUI_TRY(auto store, StoreWriter::open_or_create(folder, planted_identity(), planted_run()));
  TEPUI_TRY(store.write_input(input.sequences, input.vocabulary));
  for (int sequence = 0; sequence < static_cast<int>(input.sequences.size()); ++sequence) {
    TEPUI_TRY(store.begin_unit(sequence, sequence + 1));
    for (const PlantedPlace& place : places)
      if (place.sequence == sequence) TEPUI_TRY(add_place(store, place));
    TEPUI_TRY(store.end_unit());
  }
  return store.finish();
}

}  // namespace tepui::test

// SPDX-License-Identifier: MIT
#include "exec/last_rows.h"

#include <algorithm>

#include "base/assert.h"
#include "exec/uploaded.h"

namespace tepui {

namespace {

bool is_edited(const PartLanes& part) {
  return std::ranges::any_of(
      part.lanes, [](const Lane& lane) { return !lane.edits.empty() || !lane.kept.empty(); });
}

bool may_leave_alone(const ModelSpec& spec, const Schedule& schedule, const SiteWork& last_layer,
                     const SiteWork& final_norm) {
  const int layers = spec.dims.layers;
  // The queries of a prefix mask see keys behind themselves.
  return layers > 0 && spec.dims.prefix == 0 && final_norm.empty() &&
         std::ranges::all_of(last_layer.measured, has_all_rows) &&
         std::ranges::all_of(last_layer.streamed, has_all_rows) &&
         !is_edited(schedule.layer(layers - 1)) && !is_edited(schedule.final_norm());
}

}  // namespace

Result<LastRows> choose_last_rows(Backend& backend, const ModelSpec& spec, const Schedule& schedule,
                                  const SiteWork& last_layer, const SiteWork& final_norm,
                                  const ChunkShape& chunk, std::span<const int> counts) {
  TEPUI_ASSERT(counts.size() == chunk.lengths.size());
  if (std::ranges::equal(counts, chunk.lengths) ||
      !may_leave_alone(spec, schedule, last_layer, final_norm))
    return LastRows{};
  LastRows last;
  last.shape.lengths.assign(counts.begin(), counts.end());
  const std::vector<std::int32_t> begins = chunk.offsets();
  std::vector<std::int32_t> rows;
  std::vector<std::int32_t> positions;
  for (std::size_t s = 0; s < counts.size(); ++s) {
    TEPUI_ASSERT(counts[s] >= 1 && counts[s] <= chunk.lengths[s]);
    for (int position = chunk.lengths[s] - counts[s]; position < chunk.lengths[s]; ++position) {
      rows.push_back(begins[s] + position);
      positions.push_back(position);
    }
  }
  std::vector<std::int32_t> offsets = last.shape.offsets();
  offsets.insert(offsets.end(), begins.begin(), begins.end());
  offsets.insert(offsets.end(), begins.begin() + 1, begins.end());
  offsets.push_back(0);  // read by nobody
  TEPUI_TRY(last.rows, uploaded(backend, rows));
  TEPUI_TRY(last.positions, uploaded(backend, positions));
  TEPUI_TRY(last.offsets, uploaded(backend, offsets));
  return last;
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "report/surface_chart.h"

#include <algorithm>
#include <cmath>

#include "metrics/surface.h"
#include "study/wording.h"

namespace tepui {

namespace {

struct Cells {
  SurfaceGrid grid;
  std::vector<float> values;
  std::vector<std::uint32_t> indices;  // position * channels + channel
};

// The tokens x channels of the store's surface; its cells follow from them.
Result<Cells> read_cells(const ChartSite& site, int sequence, Point point, SeriesRow row) {
  const auto malformed = [&](std::string_view expected, std::size_t found) {
    return fail(ErrorKind::data, "{}: surface of {}, {}, sequence {}: expected {}, found {}",
                site.store.file().string(), site_name(point.site), chart_place(point), sequence,
                expected, found);
  };
  const auto tokens = site.scan.sequences[static_cast<std::size_t>(sequence)].tokens.size();
  TEPUI_TRY(const auto channels, site.store.series(sequence, point, "channel_max"));
  if (channels.empty()) return malformed("channel_max beside it", 0);
  Cells cells;
  cells.grid = surface_grid(static_cast<std::int64_t>(tokens),
                            static_cast<std::int64_t>(channels.front().values.size()));
  cells.values = std::move(row.values);
  cells.indices = std::move(row.indices);
  if (cells.values.size() != cells.grid.cells())
    return malformed(fmt::format("{} cells", cells.grid.cells()), cells.values.size());
  if (cells.grid.is_whole()) {
    cells.indices.resize(cells.values.size());
    for (std::size_t at = 0; at < cells.indices.size(); ++at)
      cells.indices[at] = static_cast<std::uint32_t>(at);
  }
  const auto elements = static_cast<std::uint64_t>(cells.grid.tokens * cells.grid.channels);
  if (cells.indices.size() != cells.values.size() ||
      std::any_of(cells.indices.begin(), cells.indices.end(),
                  [&](std::uint32_t index) { return index >= elements; }))
    return malformed(fmt::format("{} indices below {}", cells.values.size(), elements),
                     cells.indices.size());
  return cells;
}

// Joins pairs of neighbours along the longer side until the cells are few enough.
SurfaceGrid coarse_grid(SurfaceGrid grid, std::size_t most) {
  while (grid.cells() > std::max<std::size_t>(most, 64))
    (grid.rows() >= grid.columns() ? grid.token_block : grid.channel_block) *= 2;
  return grid;
}

Cells joined(const Cells& fine, const SurfaceGrid& grid) {
  if (grid == fine.grid) return fine;
  Cells out{grid, std::vector<float>(grid.cells(), 0.0F),
            std::vector<std::uint32_t>(grid.cells(), 0)};
  std::vector<bool> filled(grid.cells(), false);
  for (std::size_t at = 0; at < fine.values.size(); ++at) {
    const std::int64_t position = fine.indices[at] / grid.channels;
    const std::int64_t channel = fine.indices[at] % grid.channels;
    const auto cell = static_cast<std::size_t>(position / grid.token_block * grid.columns() +
                                               channel / grid.channel_block);
    const bool larger = std::abs(fine.values[at]) > std::abs(out.values[cell]) ||
                        (std::isnan(fine.values[at]) && !std::isnan(out.values[cell]));
    if (filled[cell] && !larger) continue;
    filled[cell] = true;
    out.values[cell] = fine.values[at];
    out.indices[cell] = fine.indices[at];
  }
  return out;
}

ChartJson json_of(const Cells& cells, std::size_t layer, int sequence, double median) {
  const SurfaceGrid& grid = cells.grid;
  ChartJson chart;
  chart["layer"] = layer;
  chart["sequence"] = sequence;
  chart["median"] = chart_number(median);
  chart["tokens"] = grid.tokens;
  chart["channels"] = grid.channels;
  chart["token_block"] = grid.token_block;
  chart["channel_block"] = grid.channel_block;
  chart["rows"] = grid.rows();
  chart["columns"] = grid.columns();
  chart["values"] = ChartJson::array();
  for (const float value : cells.values) chart["values"].push_back(chart_number(value, 4));
  chart["offsets"] = nullptr;
  if (grid.is_whole()) return chart;
  chart["offsets"] = ChartJson::array();
  for (const std::uint32_t index : cells.indices) {
    const std::int64_t position = index / grid.channels;
    const std::int64_t channel = index % grid.channels;
    chart["offsets"].push_back(position % grid.token_block * grid.channel_block +
                               channel % grid.channel_block);
  }
  return chart;
}

std::string see_surface(const ChartSite& site, const ChartJson& all) {
  if (all.empty())
    return "The run kept no surfaces; scan with --surface 1 or more to have those of the first "
           "sequences.";
  const auto peak = *std::max_element(
      site.points.begin(), site.points.end(), [](const PointSummary* a, const PointSummary* b) {
        const auto size = [](const PointSummary* p) {
          return p->top.empty() ? 0.0F : std::abs(p->top.front().value);
        };
        return size(a) < size(b);
      });
  if (peak->top.empty()) return "";
  return fmt::format(
      "A few needles on a plain: the tallest of this site, {}, stands at {}, position {}, channel "
      "{}.",
      rounded(peak->top.front().value), chart_place(peak->point), peak->top.front().position,
      peak->top.front().channel);
}

}  // namespace

Result<ChartJson> surface_chart(const ChartSite& site, const SurfaceBudget& budget) {
  ChartJson all = ChartJson::array();
  std::size_t left_out = 0;
  for (const int sequence : site.scan.finished) {
    bool any = false;
    for (std::size_t layer = 0; layer < site.points.size(); ++layer) {
      const Point point = site.points[layer]->point;
      TEPUI_TRY(auto rows, site.store.series(sequence, point, "surface"));
      if (rows.empty()) continue;
      any = true;
      if (all.size() >= budget.places) {
        ++left_out;
        continue;
      }
      TEPUI_TRY(const auto place, read_place(site.store, sequence, point));
      const double median = place ? place->median : 0;
      TEPUI_TRY(const Cells fine, read_cells(site, sequence, point, std::move(rows.front())));
      for (std::int64_t position = 0; position < fine.grid.tokens; ++position)
        site.token(sequence, position);
      all.push_back(
          json_of(joined(fine, coarse_grid(fine.grid, budget.cells)), layer, sequence, median));
    }
    if (!any) break;  // the first sequences alone have surfaces
  }
  ChartJson chart;
  chart["see"] = see_surface(site, all);
  chart["left_out"] = left_out;
  chart["all"] = std::move(all);
  return chart;
}

}  // namespace tepui

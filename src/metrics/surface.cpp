// SPDX-License-Identifier: MIT
// The activations of the first few sequences over tokens x channels. Their rows come back from the
// device as they are; where they are more than a surface has cells, each cell keeps its largest
// element and where that was, so that no massive activation is thinned away.
#include "metrics/surface.h"

#include <cmath>

#include "metrics/list.h"

namespace tepui {

namespace {

// NaN counts as larger than everything, and the lowest index wins ties, as in the selections.
bool is_larger(float value, float than) {
  if (std::isnan(than)) return false;
  return std::isnan(value) || std::abs(value) > std::abs(than);
}

class Surface : public Metric {
 public:
  explicit Surface(int sequences) : sequences_(sequences) {}

  std::string_view name() const override { return "surface"; }

  bool measures(int first_sequence, int) const override { return first_sequence < sequences_; }

  // A copy, since the value itself may live in memory that a later step of the Program uses again.
  std::vector<Value> emit(EmitContext& context) const override {
    return {context.builder.cast(context.x, "surface")};
  }

  Status rows(std::span<const HostView> outputs, const TapContext& context,
              RowSink& sink) const override {
    auto rest = outputs[0].as<float>();
    for (std::size_t s = 0; s < context.lengths.size(); ++s) {
      Series row;
      row.sequence = context.first_sequence + static_cast<int>(s);
      row.point = context.point;
      row.metric = name();
      if (row.sequence >= sequences_) break;
      const SurfaceGrid grid = surface_grid(context.lengths[s], context.width);
      const auto elements = static_cast<std::size_t>(grid.tokens * grid.channels);
      TEPUI_TRY(add(rest.first(elements), grid, row, sink));
      rest = rest.subspan(elements);
    }
    return {};
  }

 private:
  static Status add(std::span<const float> x, const SurfaceGrid& grid, Series row, RowSink& sink) {
    row.values = x;
    if (grid.is_whole()) return sink.add(row);
    constexpr std::uint32_t kEmpty = 0xffffffffU;
    std::vector<float> values(grid.cells(), 0.0F);
    std::vector<std::uint32_t> indices(grid.cells(), kEmpty);
    for (std::int64_t token = 0; token < grid.tokens; ++token) {
      const std::int64_t first_cell = token / grid.token_block * grid.columns();
      for (std::int64_t channel = 0; channel < grid.channels; ++channel) {
        const auto cell = static_cast<std::size_t>(first_cell + channel / grid.channel_block);
        const auto index = static_cast<std::uint32_t>(token * grid.channels + channel);
        if (indices[cell] != kEmpty && !is_larger(x[index], values[cell])) continue;
        values[cell] = x[index];
        indices[cell] = index;
      }
    }
    row.values = values;
    row.indices = indices;
    return sink.add(row);
  }

  int sequences_;
};

}  // namespace

std::unique_ptr<Metric> make_surface(int sequences) { return std::make_unique<Surface>(sequences); }

}  // namespace tepui

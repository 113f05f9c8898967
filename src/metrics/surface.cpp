// SPDX-License-Identifier: MIT
// The activations of the first few sequences over tokens x channels. Their rows come back from the
// device as they are; where they are more than a surface has cells, each cell keeps its largest
// element and where that was, so that no massive activation is thinned away.
#include "metrics/surface.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "metrics/list.h"

namespace tepui {

namespace {

// Orders |x|: NaN counts as larger than everything and all NaN as equal, as in the selections.
std::int32_t magnitude(float value) {
  constexpr std::int32_t kInfinity = 0x7f800000;
  return std::min(std::bit_cast<std::int32_t>(value) & 0x7fffffff, kInfinity + 1);
}

// Of each channel the largest element of a block of tokens, the first of equal ones: a loop over
// neighbours that the compiler turns into vectors, since a surface's values are many.
struct ColumnMaxima {
  std::vector<std::int32_t> largest;
  std::vector<std::int32_t> token;

  void find(std::span<const float> x, const SurfaceGrid& grid, std::int64_t begin) {
    const auto channels = static_cast<std::size_t>(grid.channels);
    largest.assign(channels, -1);
    token.assign(channels, 0);
    std::int32_t* const most = largest.data();
    std::int32_t* const where = token.data();
    for (std::int64_t t = begin; t < std::min(begin + grid.token_block, grid.tokens); ++t) {
      const float* const row = x.data() + t * grid.channels;
      const auto number = static_cast<std::int32_t>(t);
      for (std::size_t c = 0; c < channels; ++c) {
        const std::int32_t found = magnitude(row[c]);
        // All ones where it is larger: without a condition, which would be a jump.
        const std::int32_t larger = (most[c] - found) >> 31;
        where[c] = (where[c] & ~larger) | (number & larger);
        most[c] = (most[c] & ~larger) | (found & larger);
      }
    }
  }
};

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
  // The lowest index of the largest element in the cell that begins at channel `begin`.
  static std::uint32_t place(const ColumnMaxima& columns, const SurfaceGrid& grid,
                             std::int64_t begin) {
    const auto index = [&](std::int64_t channel) {
      const auto token = columns.token[static_cast<std::size_t>(channel)];
      return static_cast<std::uint32_t>(token * grid.channels + channel);
    };
    std::uint32_t best = index(begin);
    std::int32_t most = columns.largest[static_cast<std::size_t>(begin)];
    for (std::int64_t c = begin + 1; c < std::min(begin + grid.channel_block, grid.channels); ++c) {
      const std::int32_t found = columns.largest[static_cast<std::size_t>(c)];
      if (found < most || (found == most && index(c) > best)) continue;
      best = index(c);
      most = found;
    }
    return best;
  }

  static Status add(std::span<const float> x, const SurfaceGrid& grid, Series row, RowSink& sink) {
    row.values = x;
    if (grid.is_whole()) return sink.add(row);
    std::vector<float> values(grid.cells());
    std::vector<std::uint32_t> indices(grid.cells());
    ColumnMaxima columns;
    std::size_t cell = 0;
    for (std::int64_t token = 0; token < grid.tokens; token += grid.token_block) {
      columns.find(x, grid, token);
      for (std::int64_t begin = 0; begin < grid.channels; begin += grid.channel_block, ++cell) {
        indices[cell] = place(columns, grid, begin);
        values[cell] = x[indices[cell]];
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

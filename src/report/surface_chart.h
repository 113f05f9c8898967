// SPDX-License-Identifier: MIT
// |activation| over tokens x channels, as the store keeps it for a run's first sequences and, where
// that is too much for a page, thinned further: neighbouring cells are joined, and the largest of
// each stays with its place.
#pragma once

#include "report/chart_value.h"

namespace tepui {

struct SurfaceBudget {
  std::size_t cells = 0;   // of one surface, at most (at least 64)
  std::size_t places = 0;  // surfaces, at most; the first of each sequence come first
};

// {see, left_out: surfaces of the store that are not there, all [{layer: index in the site's list,
// sequence, median of |x| there, tokens, channels, token_block, channel_block, rows, columns,
// values [row-major] signed, offsets [row-major]: where in its cell the value is, token *
// channel_block + channel, or null where a cell is one element}]}
Result<ChartJson> surface_chart(const ChartSite& site, const SurfaceBudget& budget);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// Where the top values sit: of all sequences' top-k, per layer and channel, and per layer and
// position, the largest.
#pragma once

#include "report/chart_value.h"

namespace tepui {

// {see, by_channel, by_position}, each in columns {layer, channel, position, value, sequence,
// token, count: of how many top values it is the largest, massive: 0 or 1} and left_out, the number
// of weaker places that are not there. At most `most` places a layer in each.
Result<ChartJson> places_chart(const ChartSite& site, std::size_t most);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// The life of single activations over the layers, against the channels of the same sequence that
// hold nothing unusual.
#pragma once

#include "report/chart_value.h"

namespace tepui {

// {lives [{sequence, position, channel, token, value, layer: of its largest, values [layer]:
// signed, null where the store does not tell, bounds [layer]: |x| is no larger there, null where
// the value is known or nothing is, ordinary {median, high: the 0.99 quantile, largest} [layer]:
// over the channels of no life, the largest |x| of each in the sequence}]}
//
// A store holds no activations but the largest: one is known where it is the largest of its channel
// or of its token, or among the top-k or those far above the median. Elsewhere the smaller of the
// maxima of its channel and its token is a bound.
Result<ChartJson> life_chart(const ChartSite& site);

}  // namespace tepui

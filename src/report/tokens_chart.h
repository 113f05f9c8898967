// SPDX-License-Identifier: MIT
// Which tokens carry the largest values: per layer and token of the vocabulary, over all of its
// occurrences, the largest |x| among the channels.
#pragma once

#include "report/chart_value.h"

namespace tepui {

// {see, layers [{distinct: tokens that occur, rows [{token, occurrences, mean and deviation of the
// largest |x| of an occurrence, value: the largest of all, signed, with sequence, position and
// channel, massive: how many of its values are, massive_mean and massive_deviation of these,
// signed}], largest first}]}. At most `most` rows a layer.
Result<ChartJson> tokens_chart(const ChartSite& site, std::size_t most);

}  // namespace tepui

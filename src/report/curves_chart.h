// SPDX-License-Identifier: MIT
// What every layer shows at a glance: the largest values and the median, the quantiles of |x|.
// Means over sequences.
#pragma once

#include "report/chart_value.h"

namespace tepui {

// {see, sequences [layer], median [layer], top [rank][layer], largest [layer]: the largest value of
// all sequences with its place, massive_sequences [layer]}
ChartJson curves_chart(const ChartSite& site);

// {fractions [q], means [q][layer]}
ChartJson quantiles_chart(const ChartSite& site);

}  // namespace tepui

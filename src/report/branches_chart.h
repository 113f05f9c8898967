// SPDX-License-Identifier: MIT
// What edits did to the predictions and to the residual stream.
#pragma once

#include "report/chart_value.h"

namespace tepui {

// {see, branches [{name, edits, sequences, tokens, nll, perplexity, kl}], the unedited run first,
// texts [{text, perplexity [by branch], kl [by branch]}] where there are several, changes [{site,
// layers: null for a site without, branches [[by layer]] without the unedited run}]}: |x -
// unedited| / |unedited|, means over tokens. null where the run has no scores.
Result<ChartJson> branches_chart(StoreReader& store);

}  // namespace tepui

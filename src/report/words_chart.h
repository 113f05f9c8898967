// SPDX-License-Identifier: MIT
// Which words an intervention costs: by kind of word, and the text itself, token by token.
#pragma once

#include "report/chart_value.h"

namespace tepui {

// {branches [{name, classes, positions, coherence: [{group, tokens, before, after, change, low,
// high, share}]}] without the unedited run, all: tokens in all, sequences [{sequence, position,
// count}] of those that are listed, one behind the other, text [by token], class [by token] an
// index into names, loss [by token] before, change [[by token] by branch]}. At most `numbers`
// values of change are listed. null where the run has no branches or has kept no tokens.
Result<ChartJson> words_chart(StoreReader& store, std::size_t numbers);

}  // namespace tepui

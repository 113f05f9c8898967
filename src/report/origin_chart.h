// SPDX-License-Identifier: MIT
// The data of the figures of a store of `tepui origin`.
#pragma once

#include <set>

#include "report/chart_value.h"
#include "study/origin_summary.h"

namespace tepui {

// {lives [{token, first: at position 0, channel, sequences, massive_layers, position, sequence,
// embedding, layers [{attention, mlp, resid_post, by_attention, by_mlp: what carries them, in
// words}]}], of each group the one with the largest peak; left_out, limit: the largest f16,
// ranges [{site, layer: null for a site without, value, position, channel, token}]}. `tokens`
// collects the ids that the charts name.
ChartJson origin_chart(const OriginSummary& summary, std::set<std::int32_t>& tokens);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// The data of the figures of a store of `tepui probe`.
#pragma once

#include "report/chart_value.h"
#include "study/probe_summary.h"

namespace tepui {

// {seeds, sequences, series [{target, probe, features, site, headline: "accuracy" or "r2", layers
// (null: the site has none), and of each number below a list over the places, null where there is
// none: score, selectivity, control, random_labels, random_model, bits, control_bits,
// random_model_bits [mean, deviation]; majority, uniform_bits, compression, mcc, roc_auc, fdr: one
// number}]}.
ChartJson probe_chart(const ProbeSummary& summary);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// A training run or a series of checkpoints as a run of the report.
#pragma once

#include "report/chart_value.h"
#include "report/training_source.h"

namespace tepui {

// A run without sites, with training {log {step, loss, thinned: steps a point}, evaluations {step,
// training, validation}, watched {steps, loss, start_loss, other_loss, massive, sink_rate, layers
// [{layer, median, top, ratio, top_median, sink, sink_rate, key_first, key_others, value_first,
// value_others, onset, peak, peak_step, end, fit}], weights [{layer, weight, deviation, kurtosis}],
// coherence}, edited [{name, perplexity}]}. A fit is {best, curves [{name, r2, aic, steps, values,
// peak_step, peak_error}], missing [text]}.
ChartJson training_run(const TrainingSource& source, const std::string& label);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// What was run, on what, with what: all that is needed to judge a run and to repeat it.
#pragma once

#include "report/chart_value.h"
#include "report/source.h"

namespace tepui {

// [{name, value}] in reading order.
ChartJson run_facts(const ReportSource& source);

// The command as it was typed, quoted for a shell; empty where the store does not tell.
std::string command_of(const RunInfo& run);

// One line for each thing about the data that a reader must know before the figures: sequences that
// are not scanned yet, numbers that are not finite, lists that were cut.
std::vector<std::string> run_notes(const ReportSource& source);

}  // namespace tepui

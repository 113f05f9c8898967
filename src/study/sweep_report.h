// SPDX-License-Identifier: MIT
// A sweep's plan and results as tables and as one JSON document.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "study/sweep.h"

namespace tepui {

// Jobs with what they cost: sequences, tokens, branches, block runs with and without sharing, bytes
// of weights, units that are there; where the machine was measured, memory and time as well.
std::string plan_table(const SweepPlan& plan);
nlohmann::ordered_json plan_json(const SweepPlan& plan);

// Perplexity and KL of every branch of every job; jobs that are not complete are named as such.
Result<std::string> sweep_table(const SweepPlan& plan);
// {jobs [{model, text, folder, complete, perplexity, nll, tokens, branches [{name, edits,
// perplexity, nll, tokens, kl}]}], failures}
Result<nlohmann::ordered_json> sweep_json(const SweepPlan& plan, const SweepOutcome& outcome);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// What `tepui origin` prints.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "study/origin_summary.h"
#include "study/wording.h"

namespace tepui {

std::string origin_table(const OriginSummary& summary, Letters letters, int columns);
nlohmann::ordered_json origin_json(const OriginSummary& summary);

// What the store says, in a few lines.
std::string origin_finding(const OriginSummary& summary);

// "neuron 7 (2.1 x -0.9, 98 %)", "head 3 (60 %)": what carries a contribution to this element, and
// what share of the sub-layer's output there; empty for the embedding.
std::string carriers(const OriginSummary& summary, const OriginLife& life, const Contribution& one,
                     std::size_t most);

}  // namespace tepui

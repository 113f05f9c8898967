// SPDX-License-Identifier: MIT
// Attention as tables and as one JSON document, from its store.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "study/attention_summary.h"
#include "study/wording.h"

namespace tepui {

// That only some of the sequences are there; empty where all are.
std::string attention_so_far(const AttentionSummary& summary);
std::string attention_table(const AttentionSummary& summary, Letters letters, int columns);
nlohmann::ordered_json attention_json(const AttentionSummary& summary);

}  // namespace tepui

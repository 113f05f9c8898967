// SPDX-License-Identifier: MIT
// Attention as tables and as one JSON document, from its store.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "study/attention_summary.h"
#include "study/wording.h"

namespace tepui {

std::string attention_table(const AttentionSummary& summary, Letters letters, int columns);
nlohmann::ordered_json attention_json(const AttentionSummary& summary);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// What sensitivity.h computes as tables, as one JSON document and as a file of tokens.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "study/sensitivity.h"

namespace tepui {

std::string sensitivity_table(const Sensitivity& sensitivity, int width);
nlohmann::ordered_json sensitivity_json(const Sensitivity& sensitivity);
// Every token as CSV: branch, sequence, position, token_id, piece, class, since_boundary,
// log_likelihood, change (of the loss, as in the tables: what the branch costs). The file appears
// whole or not at all.
Status write_sensitive_tokens(const Sensitivity& sensitivity, const std::filesystem::path& file);

}  // namespace tepui

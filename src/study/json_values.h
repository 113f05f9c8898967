// SPDX-License-Identifier: MIT
// What the JSON documents of all commands share. JSON has no NaN and no infinity: such a number is
// null.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "plan/massive_rule.h"
#include "store/rows.h"

namespace tepui {

// The double whose shortest form is the float's shortest form.
nlohmann::ordered_json number(float value);
nlohmann::ordered_json number(double value);

// What was run, on what, with which options.
void put_run(nlohmann::ordered_json& document, const RunInfo& run);

// How the text was cut, from a store's identity.
void put_protocol(nlohmann::ordered_json& document, const nlohmann::json& identity);

// What is called massive, as "rule".
void put_rule(nlohmann::ordered_json& document, const MassiveRule& rule);

// The document as text; whatever strings it holds, this cannot fail.
std::string json_text(const nlohmann::ordered_json& document);

}  // namespace tepui

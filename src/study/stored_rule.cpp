// SPDX-License-Identifier: MIT
#include "study/stored_rule.h"

#include <algorithm>
#include <string_view>

#include "store/identity.h"

namespace tepui {

namespace {

std::optional<MassiveRule> rule_in(const nlohmann::json& object) {
  if (!object.is_object()) return std::nullopt;
  const auto found = object.find("rule");
  if (found == object.end() || !found->is_array() || found->size() != 2) return std::nullopt;
  const nlohmann::json& abs = (*found)[0];
  const nlohmann::json& ratio = (*found)[1];
  if (!abs.is_number() || !ratio.is_number()) return std::nullopt;
  return MassiveRule{abs.get<double>(), ratio.get<double>()};
}

// What these call massive, or that nothing is, was settled when they ran.
bool is_settled(const nlohmann::json& identity) {
  constexpr std::string_view kCommands[] = {"attention", "origin", "perplexity", "probe"};
  return std::ranges::find(kCommands, command_of_identity(identity)) != std::end(kCommands);
}

}  // namespace

MassiveRule stored_rule(const nlohmann::json& identity, const RunInfo& run) {
  if (const auto rule = rule_in(identity)) return *rule;
  return rule_in(nlohmann::json::parse(run.options, nullptr, false)).value_or(MassiveRule{});
}

Result<MassiveRule> chosen_rule(std::span<StoreReader* const> stores, const RuleChoice& choice) {
  std::optional<MassiveRule> common;
  bool differ = false;
  std::string settled;  // the command of the last store that no rule judges; empty: one does
  for (StoreReader* const store : stores) {
    TEPUI_TRY(const auto identity, store->identity());
    if (store == stores.front() || !settled.empty())
      settled = is_settled(identity) ? command_of_identity(identity) : "";
    TEPUI_TRY(const RunInfo run, store->run());
    const MassiveRule own = stored_rule(identity, run);
    differ = differ ||
             (common && (common->min_abs != own.min_abs || common->min_ratio != own.min_ratio));
    common = own;
  }
  if (!settled.empty() && (choice.min_abs || choice.min_ratio))
    return fail(
        ErrorKind::usage,
        "--min-{}: expected a run that keeps values for other thresholds, as tepui scan and "
        "tepui intervene do, found one of tepui {}",
        choice.min_abs ? "abs" : "ratio", settled);
  MassiveRule rule = differ ? MassiveRule{} : common.value_or(MassiveRule{});
  if (choice.min_abs) rule.min_abs = *choice.min_abs;
  if (choice.min_ratio) rule.min_ratio = *choice.min_ratio;
  return rule;
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "show/own_tables.h"

#include <algorithm>

#include "study/attention_report.h"
#include "study/origin_report.h"
#include "study/probe_report.h"

namespace tepui {

namespace {

// The command whose own store it is; empty for scans and the like.
Result<std::string_view> command_of(ShownStore& store) {
  TEPUI_TRY(const auto identity, store.reader.identity());
  return is_attention(identity) ? "attention"
         : is_origin(identity)  ? "origin"
         : is_probe(identity)   ? "probe"
                                : "";
}

Result<std::string> tables_of(ShownStore& store, std::string_view command, const Style& style) {
  if (command == "origin") {
    TEPUI_TRY(const OriginSummary summary, summarise_origin(store.reader));
    return origin_table(summary, style.letters, style.columns);
  }
  if (command == "probe") {
    TEPUI_TRY(const ProbeSummary summary, summarise_probes(store.reader));
    return probe_table(summary, style.letters, style.columns);
  }
  TEPUI_TRY(const AttentionSummary summary, summarise_attention(store.reader, {}));
  return attention_table(summary, style.letters, style.columns);
}

}  // namespace

Result<std::optional<std::string>> show_own_tables(std::span<ShownStore> stores,
                                                   const ShowOptions& options, const Style& style) {
  std::vector<std::string_view> commands;
  for (ShownStore& store : stores) {
    TEPUI_TRY(const std::string_view command, command_of(store));
    commands.push_back(command);
  }
  const auto other = std::ranges::find_if(commands, [](auto command) { return !command.empty(); });
  if (other == commands.end()) return std::optional<std::string>();
  if (std::ranges::any_of(commands, [&](auto command) { return command != *other; }))
    return fail(ErrorKind::usage,
                "show: expected scans, or stores of tepui {} alone, found several kinds", *other);
  const bool chosen = options.site || options.sequence || options.channel ||
                      !options.layers.empty() || !options.sections.empty();
  if (chosen)
    return fail(ErrorKind::usage,
                "show: a store of tepui {} is shown as a whole: expected no --site, --layers, "
                "--only, --sequence or --channel",
                *other);
  std::string text;
  for (ShownStore& store : stores) {
    if (!text.empty()) text += "\n";
    if (stores.size() > 1)
      text += painted(spelled_out(store.name, style.letters) + "\n", Paint::strong, style);
    TEPUI_TRY(const std::string own, tables_of(store, *other, style));
    text += own;
  }
  return std::optional(std::move(text));
}

}  // namespace tepui

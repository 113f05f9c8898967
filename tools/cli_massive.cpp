// SPDX-License-Identifier: MIT
// tepui massive
#include <algorithm>
#include <memory>
#include <string>

#include "commands.h"
#include "report_scan.h"
#include "study/wording.h"
#include "usage.h"

namespace tepui {

namespace {

struct MassiveArguments {
  std::string folder;
  int shown = 5;
  RuleChoice rule;
  bool json = false;
};

Status run(const MassiveArguments& a) {
  TEPUI_TRY(StoreReader store, StoreReader::open(a.folder));
  StoreReader* const stores[] = {&store};
  TEPUI_TRY(const MassiveRule rule, chosen_rule(stores, a.rule));
  TEPUI_TRY(const ScanSummary summary, report_scan(a.folder, rule, a.shown, a.json));
  std::size_t kept = 0;
  for (const PointSummary& point : summary.points) kept = std::max(kept, point.top_mean.size());
  if (kept > 0 && kept < static_cast<std::size_t>(a.shown))
    print_note(fmt::format("--top {}: this run kept the {} of each sequence", a.shown,
                           counted(static_cast<std::int64_t>(kept), "largest value")));
  return {};
}

}  // namespace

void add_massive(CLI::App& app, int& code) {
  auto a = std::make_shared<MassiveArguments>();
  CLI::App* command =
      app.add_subcommand("massive", "Show a stored scan by other thresholds, without a new run");
  command->add_option("DIR", a->folder, "The folder of a scan")->required()->type_name("");
  add_stored_rule_options(*command, a->rule);
  command
      ->add_option("--top", a->shown,
                   "How many of the largest values are listed (the table:\nthree, and more where "
                   "the terminal is wide enough)")
      ->check(count_up_to(1024))
      ->capture_default_str()
      ->type_name("K");
  command->add_flag("--json", a->json, "Print one JSON document instead of the table");
  command->callback([a, &code] { code = finish_command(run(*a)); });
}

}  // namespace tepui

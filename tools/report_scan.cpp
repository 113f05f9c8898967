// SPDX-License-Identifier: MIT
#include "report_scan.h"

#include <cstdio>
#include <string>

#include "commands.h"
#include "study/finding.h"
#include "study/scan_json.h"
#include "study/table.h"
#include "study/wording.h"
#include "terminal.h"

namespace tepui {

Result<ScanSummary> report_scan(const std::filesystem::path& folder, const MassiveRule& rule,
                                int top, bool json) {
  TEPUI_TRY(StoreReader store, StoreReader::open(folder));
  SummaryOptions options;
  options.rule = rule;
  options.top = top;
  TEPUI_TRY(ScanSummary summary, summarise(store, options));
  if (!summary.judged())
    return fail(ErrorKind::data,
                "{}: expected a run of tepui scan or tepui intervene, which keep values for other "
                "thresholds, found one of tepui {}; tepui show and tepui report show it",
                folder.string(), summary.command);
  TableOptions layout;
  layout.columns = terminal_width();
  layout.letters = terminal_letters();
  std::string text;
  if (json) {
    text = json_text(scan_json(summary));
    if (!text.ends_with('\n')) text += '\n';
  } else {
    text = table(summary, layout);
    text += "\n" + wrapped(finding(summary, layout.letters), layout.columns);
    if (!text.ends_with('\n')) text += '\n';
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
  TEPUI_TRY(flush_output());
  return summary;
}

}  // namespace tepui

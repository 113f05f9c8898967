// SPDX-License-Identifier: MIT
#include "report_scan.h"

#include <cstdio>
#include <string>

#include "commands.h"
#include "study/finding.h"
#include "study/scan_json.h"
#include "study/table.h"
#include "terminal.h"

namespace tepui {

Status report_scan(const std::filesystem::path& folder, const MassiveRule& rule, int top,
                   bool json) {
  TEPUI_TRY(StoreReader store, StoreReader::open(folder));
  SummaryOptions options;
  options.rule = rule;
  options.top = top;
  TEPUI_TRY(const ScanSummary summary, summarise(store, options));
  TableOptions layout;
  layout.columns = terminal_width();
  layout.letters = letters();
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
  return flush_output();
}

}  // namespace tepui

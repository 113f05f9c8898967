// SPDX-License-Identifier: MIT
#include "report_scan.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "commands.h"
#include "study/finding.h"
#include "study/scan_json.h"
#include "study/table.h"

namespace tepui {

namespace {

int terminal_width() {
  constexpr int kDefault = 80;
  winsize size{};
  if (::isatty(STDOUT_FILENO) == 0 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 ||
      size.ws_col == 0)
    return kDefault;
  return size.ws_col;
}

// Bars and dashes of Unicode only where the locale can show them.
Letters letters() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string locale(value);
    const bool utf8 =
        locale.find("UTF-8") != std::string::npos || locale.find("utf8") != std::string::npos;
    return utf8 ? Letters::unicode : Letters::ascii;
  }
  return Letters::unicode;
}

}  // namespace

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

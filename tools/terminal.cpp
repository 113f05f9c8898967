// SPDX-License-Identifier: MIT
#include "terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace tepui {

int terminal_width() {
  constexpr int kDefault = 80;
  winsize size{};
  if (::isatty(STDOUT_FILENO) == 0 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 ||
      size.ws_col == 0)
    return kDefault;
  return size.ws_col;
}

int table_width() {
  constexpr int kNoEnd = 1 << 30;
  return ::isatty(STDOUT_FILENO) != 0 ? terminal_width() : kNoEnd;
}

Letters terminal_letters() {
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

bool terminal_takes_colour() {
  if (::isatty(STDOUT_FILENO) == 0) return false;
  const char* no = std::getenv("NO_COLOR");  // https://no-color.org: set and not empty
  if (no != nullptr && *no != '\0') return false;
  const char* term = std::getenv("TERM");
  return term == nullptr || std::string(term) != "dumb";
}

}  // namespace tepui

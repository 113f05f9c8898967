// SPDX-License-Identifier: MIT
#include <cstdio>

#include "commands.h"

namespace tepui {

int finish_command(const Status& status) {
  if (status) return 0;
  std::string line = status.error().message;
  for (char& c : line) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  fmt::print(stderr, "tepui: {}\n", line);
  return status.error().kind == ErrorKind::usage ? 2 : 1;
}

}  // namespace tepui

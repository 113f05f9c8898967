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
  line = "tepui: " + line + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);  // a closed stderr is no reason to fail anew
  return status.error().kind == ErrorKind::usage ? 2 : 1;
}

void print_note(const std::string& line) {
  const std::string text = "tepui: note: " + line + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
}

Status flush_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    return fail(ErrorKind::io, "standard output: cannot be written");
  return {};
}

}  // namespace tepui

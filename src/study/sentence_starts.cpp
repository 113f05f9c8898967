// SPDX-License-Identifier: MIT
#include "study/sentence_starts.h"

namespace tepui {

std::vector<bool> sentence_starts(const std::vector<std::string>& tokens) {
  std::vector<bool> starts(tokens.size(), false);
  bool ended = false;  // a . ! or ?, or an empty line, and nothing but quotes and space behind it
  bool space = false;  // of that, white space
  int lines = 0;       // line breaks in a row
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    for (const char c : tokens[i]) {
      const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
      lines = c == '\n' ? lines + 1 : blank ? lines : 0;
      if (blank) {
        space = ended = ended || lines > 1;
      } else if (c == '.' || c == '!' || c == '?') {
        ended = true;
        space = false;
      } else if (c != '"' && c != '\'' && c != ')' && c != ']') {
        if (ended && space && i > 0) starts[i] = true;
        ended = space = false;
      }
    }
  }
  return starts;
}

}  // namespace tepui

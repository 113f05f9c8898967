// SPDX-License-Identifier: MIT
// One compiled regular expression of a tokenizer.json, run by PCRE2 (UTF, Unicode classes, JIT).
// Immutable after compile; find_all may run on several threads. The patterns are written for
// Oniguruma's Ruby syntax; oniguruma.h bridges the differences.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tepui/result.h"

struct pcre2_real_code_8;

namespace tepui::input {

struct Match {
  std::size_t begin = 0;
  std::size_t end = 0;
};

class Regex {
 public:
  // `where` opens the error message (the file and field that hold the pattern).
  static Result<Regex> compile(std::string_view oniguruma_pattern, std::string_view where);

  Regex(Regex&& other) noexcept;
  Regex& operator=(Regex&& other) noexcept;
  ~Regex();

  // Appends all matches in a valid UTF-8 text, left to right, not overlapping; offsets are in
  // bytes of `text`. A match may be empty, but not directly behind another one.
  Status find_all(std::string_view text, std::vector<Match>& matches) const;

 private:
  Regex() = default;
  Status find_in(std::string_view text, std::vector<Match>& matches) const;
  pcre2_real_code_8* code_ = nullptr;
  std::string pattern_;
};

}  // namespace tepui::input

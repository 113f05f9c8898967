// SPDX-License-Identifier: MIT
// tokenizer.json holds regexes in Oniguruma's Ruby syntax, PCRE2 runs them. Nearly all published
// ones mean the same in both; this rewrites what does not (nested character classes, \s, \w, \h)
// and refuses by name what has no equal.
#pragma once

#include <string>
#include <string_view>

#include "tepui/result.h"

namespace tepui::input {

Result<std::string> translate_oniguruma(std::string_view pattern, std::string_view where);

}  // namespace tepui::input

// SPDX-License-Identifier: MIT
// HF tokenizers' regexes know Unicode 16, Debian 12's PCRE2 Unicode 14. A text that holds
// characters which came between is matched with stand-ins: older characters of the same category
// (and script, for Han) and of as many bytes, so that every offset stays true. A newer PCRE2 sees
// the stand-ins as it would the characters.
#pragma once

#include <string>
#include <string_view>

namespace tepui::input {

// The valid text with its stand-ins; empty where it needs none, as nearly always.
std::string with_stand_ins(std::string_view text);

}  // namespace tepui::input

// SPDX-License-Identifier: MIT
// Reads an option's text from left to right. Errors name the character, from 1, where it fails,
// what was expected there and what was found.
#pragma once

#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

#include "base/utf8_text.h"
#include "plan/edit.h"
#include "tepui/result.h"

namespace tepui {

class TextCursor {
 public:
  // `option` is what to call the text.
  TextCursor(std::string_view text, std::string_view option) : text_(text), option_(option) {}

  tl::unexpected<Error> expected_at(std::size_t at, std::string_view what) const {
    constexpr std::size_t kShown = 24;
    const std::string_view rest = text_.substr(at);
    const std::string found = rest.empty() ? std::string("the end")
                              : rest.size() <= kShown
                                  ? fmt::format("\"{}\"", valid_utf8(rest))
                                  : fmt::format("\"{}...\"", valid_utf8(rest.substr(0, kShown)));
    return fail(ErrorKind::usage, "{} \"{}\": character {}: expected {}, found {}", option_,
                valid_utf8(text_), at + 1, what, found);
  }
  tl::unexpected<Error> expected(std::string_view what) const { return expected_at(at_, what); }

  bool accept(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  // A word that ends where a part of the edit does.
  bool accept_word(std::string_view word) {
    const std::string_view rest = text_.substr(at_);
    if (!rest.starts_with(word)) return false;
    const bool ends = rest.size() == word.size() ||
                      std::string_view(":=,").find(rest[word.size()]) != std::string_view::npos;
    if (ends) at_ += word.size();
    return ends;
  }
  Status take(std::string_view word, std::string_view what) {
    if (!accept(word)) return expected(what);
    return {};
  }

  // A whole number below `limit`.
  Result<int> parse_int(std::int64_t limit, std::string_view what) {
    int number = 0;
    const char* const begin = text_.data() + at_;
    const auto [next, error] = std::from_chars(begin, text_.data() + text_.size(), number);
    if (error != std::errc() || number < 0 || *begin == '-' || number >= limit)
      return expected(what);
    at_ += static_cast<std::size_t>(next - begin);
    return number;
  }
  Result<double> parse_number(std::string_view what, bool signed_number) {
    double number = 0;
    const char* const begin = text_.data() + at_;
    const auto [next, error] = std::from_chars(begin, text_.data() + text_.size(), number);
    if (error != std::errc() || !std::isfinite(static_cast<float>(number)) ||
        (number < 0 && !signed_number))
      return expected(what);
    at_ += static_cast<std::size_t>(next - begin);
    return number;
  }
  Result<IntRange> parse_range(std::int64_t limit, bool open, std::string_view what) {
    IntRange range;
    const std::size_t begin = at_;
    TEPUI_TRY(range.first, parse_int(limit, what));
    range.last = range.first;
    if (!accept("-")) return range;
    if (open && (at_ == text_.size() || text_[at_] == ':' || text_[at_] == ',')) {
      range.last = kOpenEnd;
      return range;
    }
    TEPUI_TRY(range.last, parse_int(limit, what));
    if (range.last < range.first) return expected_at(begin, "a range that ascends");
    return range;
  }

 protected:
  std::string_view text_;
  std::string_view option_;
  std::size_t at_ = 0;
};

}  // namespace tepui

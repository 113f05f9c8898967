// SPDX-License-Identifier: MIT
#include "input/oniguruma.h"
#include "input/utf8.h"

namespace tepui::input {
namespace {

// The members of \s, \w and \h as they stand inside [...]. PCRE2's own \s has U+180E, which left
// White_Space in Unicode 6.3, and its \w lacks marks and connectors. Oniguruma's \w has Latin-1's
// superscripts and fractions besides.
constexpr std::string_view kSpace =
    "\\t-\\r \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}"
    "\\x{3000}";
constexpr std::string_view kWord =
    "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}"
    "\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}";
constexpr std::string_view kHex = "0-9a-fA-F";
constexpr int kDeepestClass = 16;

class Translator {
 public:
  Translator(std::string_view pattern, std::string_view where) : pattern_(pattern), where_(where) {}

  Result<std::string> run() {
    while (at_ < pattern_.size()) {
      const char c = pattern_[at_];
      if (c == '\\') {
        escape_outside();
      } else if (c == '[') {
        TEPUI_TRY(character_class(0));
      } else if (c == '}' && next_is('+') && closes_interval()) {
        return refuse("'{n,m}+', which is not possessive in Oniguruma");
      } else {
        out_ += c;
        ++at_;
      }
    }
    return out_;
  }

 private:
  bool next_is(char c) const { return at_ + 1 < pattern_.size() && pattern_[at_ + 1] == c; }

  // Whether the brace at at_ ends a repetition such as {1,3} (and not \p{L} or a literal).
  bool closes_interval() const {
    const std::size_t open = pattern_.rfind('{', at_);
    if (open == std::string_view::npos || open + 1 == at_) return false;
    return pattern_.substr(open + 1, at_ - open - 1).find_first_not_of("0123456789,") ==
           std::string_view::npos;
  }

  tl::unexpected<Error> refuse(std::string_view what) const {
    return fail(ErrorKind::unsupported, "{}: the regex '{}' uses {}", where_, quotable(pattern_),
                what);
  }

  static std::string_view members(char letter) {
    switch (letter) {
      case 's':
      case 'S': return kSpace;
      case 'w':
      case 'W': return kWord;
      case 'h':
      case 'H': return kHex;
      default: return {};
    }
  }

  void escape_outside() {
    if (at_ + 1 >= pattern_.size()) {  // PCRE2 reports the lonely backslash
      out_ += pattern_[at_++];
      return;
    }
    const char letter = pattern_[at_ + 1];
    if (const auto set = members(letter); !set.empty()) {
      out_ += letter >= 'a' ? "[" : "[^";
      out_ += set;
      out_ += ']';
    } else {
      out_ += pattern_.substr(at_, 2);
    }
    at_ += 2;
  }

  Status escape_inside() {
    if (at_ + 1 >= pattern_.size()) return refuse("a character class that does not end");
    const char letter = pattern_[at_ + 1];
    if (letter == 'W' || letter == 'H') return refuse("\\W or \\H inside a character class");
    if (letter == 'S') {
      out_ += "\\S\\x{180e}";
    } else if (const auto set = members(letter); !set.empty()) {
      out_ += set;
    } else {
      out_ += pattern_.substr(at_, 2);
    }
    at_ += 2;
    return {};
  }

  // From '[' to its ']'. In Oniguruma a class inside a class is a union: its members are written
  // into the outer one.
  Status character_class(int depth) {
    if (depth >= kDeepestClass) return refuse("character classes nested too deep");
    ++at_;
    if (depth == 0) out_ += '[';
    if (at_ < pattern_.size() && pattern_[at_] == '^') {
      if (depth > 0) return refuse("a negated class inside a character class");
      out_ += '^';
      ++at_;
    }
    for (bool first = true; at_ < pattern_.size(); first = false) {
      const char c = pattern_[at_];
      if (c == ']' && !first) {
        if (depth == 0) out_ += ']';
        ++at_;
        return {};
      }
      if (c == '\\') {
        TEPUI_TRY(escape_inside());
      } else if (c == '[' && next_is(':')) {
        TEPUI_TRY(posix_class());
      } else if (c == '[') {
        TEPUI_TRY(character_class(depth + 1));
      } else if (c == '&' && next_is('&')) {
        return refuse("an intersection (&&) in a character class");
      } else {
        if (c == ']' || (c == '-' && (first || next_is(']')))) out_ += '\\';
        out_ += c;
        ++at_;
      }
    }
    return refuse("a character class that does not end");
  }

  Status posix_class() {
    const std::size_t end = pattern_.find(":]", at_ + 2);
    if (end == std::string_view::npos) return refuse("a POSIX class that does not end");
    const std::string_view name = pattern_.substr(at_ + 2, end - at_ - 2);
    if (name == "punct")
      out_ += "\\p{P}\\p{S}";
    else if (name == "space")
      out_ += kSpace;
    else if (name == "digit")
      out_ += "\\p{Nd}";
    else if (name == "word")
      out_ += kWord;
    else if (name == "xdigit")
      out_ += kHex;
    else
      return refuse(fmt::format("the POSIX class [:{}:]", quotable(name)));
    at_ = end + 2;
    return {};
  }

  std::string_view pattern_;
  std::string_view where_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

Result<std::string> translate_oniguruma(std::string_view pattern, std::string_view where) {
  return Translator(pattern, where).run();
}

}  // namespace tepui::input

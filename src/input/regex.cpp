// SPDX-License-Identifier: MIT
#define PCRE2_CODE_UNIT_WIDTH 8
#include "input/regex.h"

#include <pcre2.h>

#include <array>
#include <memory>
#include <utility>

#include "input/newer_categories.h"
#include "input/oniguruma.h"
#include "input/utf8.h"

namespace tepui::input {
namespace {

constexpr std::size_t kJitStackStart = 32 * 1024;
constexpr std::size_t kJitStackLimit = 64 * 1024 * 1024;

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using MatchData = std::unique_ptr<pcre2_match_data_8, Freed<&pcre2_match_data_free_8>>;
using MatchContext = std::unique_ptr<pcre2_match_context_8, Freed<&pcre2_match_context_free_8>>;
using CompileContext =
    std::unique_ptr<pcre2_compile_context_8, Freed<&pcre2_compile_context_free_8>>;
using JitStack = std::unique_ptr<pcre2_jit_stack_8, Freed<&pcre2_jit_stack_free_8>>;

std::string describe(int code) {
  std::array<PCRE2_UCHAR8, 256> buffer{};
  pcre2_get_error_message_8(code, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

}  // namespace

Result<Regex> Regex::compile(std::string_view oniguruma_pattern, std::string_view where) {
  TEPUI_TRY(const std::string pattern, translate_oniguruma(oniguruma_pattern, where));
  // Ruby's ^ and $ stand at every line, and its only line end is \n.
  constexpr std::uint32_t kOptions =
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
  const CompileContext context(pcre2_compile_context_create_8(nullptr));
  pcre2_set_newline_8(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  Regex regex;
  regex.code_ = pcre2_compile_8(reinterpret_cast<PCRE2_SPTR8>(pattern.data()), pattern.size(),
                                kOptions, &error, &offset, context.get());
  if (regex.code_ == nullptr)
    return fail(ErrorKind::unsupported, "{}: the regex '{}' does not compile: {} at offset {}",
                where, quotable(oniguruma_pattern), describe(error), offset);
  // Where there is no JIT, pcre2_match interprets: the same matches, later.
  pcre2_jit_compile_8(regex.code_, PCRE2_JIT_COMPLETE);
  regex.pattern_ = oniguruma_pattern;
  return regex;
}

Regex::Regex(Regex&& other) noexcept { *this = std::move(other); }

Regex& Regex::operator=(Regex&& other) noexcept {
  std::swap(code_, other.code_);
  std::swap(pattern_, other.pattern_);
  return *this;
}

Regex::~Regex() { pcre2_code_free_8(code_); }

Status Regex::find_all(std::string_view text, std::vector<Match>& matches) const {
  const std::string changed = with_stand_ins(text);
  return changed.empty() ? find_in(text, matches) : find_in(changed, matches);
}

Status Regex::find_in(std::string_view text, std::vector<Match>& matches) const {
  const MatchData data(pcre2_match_data_create_8(1, nullptr));
  const MatchContext context(pcre2_match_context_create_8(nullptr));
  JitStack stack;  // made only when the 32 KiB of machine stack that PCRE2 uses are not enough
  const auto subject = reinterpret_cast<PCRE2_SPTR8>(text.data());
  std::size_t at = 0;
  std::size_t last_end = 0;
  bool any = false;
  while (at <= text.size()) {
    const int count = pcre2_match_8(code_, subject, text.size(), at, PCRE2_NO_UTF_CHECK, data.get(),
                                    context.get());
    if (count == PCRE2_ERROR_NOMATCH) break;
    if (count == PCRE2_ERROR_JIT_STACKLIMIT && !stack) {
      stack.reset(pcre2_jit_stack_create_8(kJitStackStart, kJitStackLimit, nullptr));
      pcre2_jit_stack_assign_8(context.get(), nullptr, stack.get());
      continue;
    }
    if (count < 0)
      return fail(ErrorKind::data, "the tokenizer's regex '{}' stopped at byte {} of a piece: {}",
                  quotable(pattern_), at, describe(count));
    const PCRE2_SIZE* found = pcre2_get_ovector_pointer_8(data.get());
    const Match match{found[0], found[1]};
    if (match.begin < at || match.end < match.begin)
      return fail(ErrorKind::unsupported,
                  "the tokenizer's regex '{}' moves the start of its match (\\K)",
                  quotable(pattern_));
    const bool empty = match.begin == match.end;
    if (!empty || !any || match.begin != last_end) matches.push_back(match);
    any = true;
    last_end = match.end;
    at = match.end;
    if (empty) at += at < text.size() ? sequence_length(text[at]) : 1;
  }
  return {};
}

}  // namespace tepui::input

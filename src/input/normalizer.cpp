// SPDX-License-Identifier: MIT
#include "input/normalizer.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>
#include <utility>

#include "input/newer_characters.h"
#include "input/pre_tokenizer.h"
#include "input/utf8.h"

namespace tepui::input {
namespace {

constexpr int kDeepestSequence = 16;

struct FreeC {
  void operator()(void* pointer) const { std::free(pointer); }
};

Status append_mapped(std::string_view text, int options, std::string& out) {
  utf8proc_uint8_t* raw = nullptr;
  const utf8proc_ssize_t size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                             static_cast<utf8proc_ssize_t>(text.size()), &raw,
                                             static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, FreeC> owned(raw);
  if (size < 0)
    return fail(ErrorKind::data, "Unicode normalization of {} bytes failed: {}", text.size(),
                utf8proc_errmsg(size));
  out.append(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(size));
  return {};
}

}  // namespace

Result<Normalizer> Normalizer::create(const Json* description, const std::string& where) {
  Normalizer normalizer;
  if (description != nullptr) TEPUI_TRY(normalizer.add(*description, where + ": normalizer", 0));
  return normalizer;
}

Status Normalizer::add(const Json& description, const std::string& where, int depth) {
  TEPUI_TRY(const std::string type, string_field(description, "type", where));
  if (type == "Sequence") {
    const Json* list = member(description, "normalizers");
    if (list == nullptr || !list->is_array() || depth >= kDeepestSequence)
      return fail(ErrorKind::data, "{}: expected a list 'normalizers', nested at most {} deep",
                  where, kDeepestSequence);
    for (const Json& part : *list) TEPUI_TRY(add(part, where, depth + 1));
  } else if (type == "NFC") {
    steps_.emplace_back(Form::nfc);
  } else if (type == "NFD") {
    steps_.emplace_back(Form::nfd);
  } else if (type == "NFKC") {
    steps_.emplace_back(Form::nfkc);
  } else if (type == "NFKD") {
    steps_.emplace_back(Form::nfkd);
  } else if (type == "Lowercase") {
    steps_.emplace_back(Lowercase{});
  } else if (type == "Strip") {
    TEPUI_TRY(const bool left, bool_field(description, "strip_left", true, where));
    TEPUI_TRY(const bool right, bool_field(description, "strip_right", true, where));
    steps_.emplace_back(Strip{left, right});
  } else if (type == "Prepend") {
    TEPUI_TRY(std::string content, string_field(description, "prepend", where));
    steps_.emplace_back(Prepend{std::move(content)});
  } else if (type == "Replace") {
    TEPUI_TRY(Pattern pattern, read_pattern(description, where));
    TEPUI_TRY(std::string content, string_field(description, "content", where));
    const auto* literal = std::get_if<std::string>(&pattern);
    if (literal != nullptr && *literal == " ") space_marker_ = content;
    steps_.emplace_back(Replace{std::move(pattern), std::move(content)});
  } else {
    return fail(ErrorKind::unsupported, "{} type '{}' is not supported", where, quotable(type));
  }
  return {};
}

Result<std::string> Normalizer::apply(std::string text) const {
  for (const Step& step : steps_) {
    TEPUI_TRY(std::string next, run(step, std::move(text)));
    text = std::move(next);
  }
  return text;
}

Result<std::string> Normalizer::run(const Step& step, std::string text) {
  if (const auto* form = std::get_if<Form>(&step)) return compose(*form, std::move(text));
  if (const auto* replacement = std::get_if<Replace>(&step)) return replace(*replacement, text);
  if (const auto* prepend = std::get_if<Prepend>(&step))
    return text.empty() ? text : prepend->content + text;
  if (const auto* sides = std::get_if<Strip>(&step)) return strip(*sides, text);
  return lowercase(text);
}

Result<std::string> Normalizer::compose(Form form, std::string text) {
  if (is_ascii(text)) return text;
  int options = UTF8PROC_STABLE;
  options |= form == Form::nfc || form == Form::nfkc ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
  if (form == Form::nfkc || form == Form::nfkd) options |= UTF8PROC_COMPAT;
  std::string out;
  std::size_t begin = 0;  // of a stretch that is normalized as one
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    if (newer_than_normalizers(point.value)) {
      TEPUI_TRY(append_mapped(std::string_view(text).substr(begin, at - begin), options, out));
      out.append(text, at, point.length);
      begin = at + point.length;
    }
    at += point.length;
  }
  TEPUI_TRY(append_mapped(std::string_view(text).substr(begin), options, out));
  return out;
}

Result<std::string> Normalizer::replace(const Replace& step, const std::string& text) {
  std::vector<Match> matches;
  TEPUI_TRY(find_matches(step.pattern, text, matches));
  std::string out;
  std::size_t at = 0;
  for (const Match& match : matches) {
    out.append(text, at, match.begin - at);
    out += step.content;
    at = match.end;
  }
  out.append(text, at);
  return out;
}

std::string Normalizer::lowercase(const std::string& text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    at += point.length;
    if (point.value == 0x130) {  // the one character whose lower case is two
      out += "i\xcc\x87";
      continue;
    }
    append_utf8(
        out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(point.value))));
  }
  return out;
}

std::string Normalizer::strip(const Strip& step, const std::string& text) {
  std::size_t begin = text.size();
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    if (!is_white_space(point.value)) {
      begin = std::min(begin, at);
      end = at + point.length;
    }
    at += point.length;
  }
  if (!step.left) begin = 0;
  if (!step.right) end = text.size();
  return begin < end ? text.substr(begin, end - begin) : std::string();
}

}  // namespace tepui::input

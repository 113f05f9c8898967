// SPDX-License-Identifier: MIT
#include "study/wording.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <cmath>

#include "base/utf8_text.h"

namespace tepui {

namespace {

bool shows_by_itself(char32_t value, bool first) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(value))) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return false;
    case UTF8PROC_CATEGORY_ZS: return value == ' ';
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME: return !first;  // would join the quotation mark
    default: return true;
  }
}

// One character of a token, escaped where needed.
std::string spelled(std::string_view bytes, CodePoint point, bool first, Letters letters) {
  if (point.length == 0) return fmt::format("\\x{:02X}", static_cast<unsigned char>(bytes[0]));
  switch (point.value) {
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    case '"': return "\\\"";
    case '\\': return "\\\\";
    default: break;
  }
  const bool ascii_only = letters == Letters::ascii && point.value >= 0x80;
  if (ascii_only || !shows_by_itself(point.value, first))
    return fmt::format("\\u{{{:X}}}", static_cast<std::uint32_t>(point.value));
  return std::string(bytes.substr(0, point.length));
}

}  // namespace

std::string rounded(double value) {
  const double size = std::abs(value);
  if (!std::isfinite(value)) return fmt::format("{}", value);
  if (size == 0) return "0";
  if (size >= 99999.5 || size < 0.00995) return fmt::format("{:.2e}", value);
  if (size >= 99.95) return fmt::format("{:.0f}", value);
  if (size >= 9.995) return fmt::format("{:.1f}", value);
  return fmt::format("{:.2f}", value);
}

std::string counted(std::int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string so_far(std::size_t done, std::size_t all, std::string_view what) {
  if (done >= all) return "";
  return fmt::format("So far {} of {} are {}.", done,
                     counted(static_cast<std::int64_t>(all), "sequence"), what);
}

std::string listed(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t at = 0; at < items.size(); ++at) {
    if (at > 0) text += at + 1 == items.size() ? " and " : ", ";
    text += items[at];
  }
  return text;
}

std::string ranges(const std::vector<std::int64_t>& ascending) {
  std::vector<std::string> items;
  for (std::size_t first = 0; first < ascending.size();) {
    std::size_t last = first;
    while (last + 1 < ascending.size() && ascending[last + 1] == ascending[last] + 1) ++last;
    if (last - first < 2) last = first;  // two neighbours are named, not spanned
    items.push_back(last == first ? fmt::format("{}", ascending[first])
                                  : fmt::format("{} to {}", ascending[first], ascending[last]));
    first = last + 1;
  }
  return listed(items);
}

std::string quoted(std::string_view bytes, Letters letters, int columns) {
  const std::string ellipsis = letters == Letters::ascii ? "..." : "\u2026";
  std::string text = "\"";
  std::string with_ellipsis;  // the longest beginning that leaves room for the ellipsis
  int width = 2;              // both quotes
  for (std::size_t at = 0; at < bytes.size();) {
    const CodePoint point = decode_utf8(bytes, at);
    const std::string next = spelled(bytes.substr(at), point, at == 0, letters);
    if (columns > 0 && width + display_width(ellipsis) <= columns) with_ellipsis = text;
    width += display_width(next);
    if (columns > 0 && width > columns)
      return fmt::format("{}{}\"", with_ellipsis.empty() ? "\"" : with_ellipsis, ellipsis);
    text += next;
    at += point.length == 0 ? 1 : point.length;
  }
  return text + "\"";
}

std::string spelled_out(std::string_view bytes, Letters letters) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size();) {
    const CodePoint point = decode_utf8(bytes, at);
    if (point.value == '"' || point.value == '\\')
      text += bytes[at];
    else
      text += spelled(bytes.substr(at), point, at == 0, letters);
    at += point.length == 0 ? 1 : point.length;
  }
  return text;
}

int display_width(std::string_view text) {
  int width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    width += point.length == 0 ? 1 : utf8proc_charwidth(static_cast<utf8proc_int32_t>(point.value));
    at += point.length == 0 ? 1 : point.length;
  }
  return width;
}

std::string wrapped(std::string_view text, int columns) {
  std::string out;
  int width = 0;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of(" \n");
    const std::string_view word = text.substr(0, end);
    const int word_width = display_width(word);
    if (width > 0 && width + 1 + word_width > columns) {
      out += '\n';
      width = 0;
    } else if (width > 0) {
      out += ' ';
      ++width;
    }
    out += word;
    width += word_width;
    if (end == std::string_view::npos) break;
    if (text[end] == '\n') {
      out += '\n';
      width = 0;
    }
    text.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace tepui

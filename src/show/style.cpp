// SPDX-License-Identifier: MIT
#include "show/style.h"

#include <fmt/format.h>

#include <array>

namespace tepui {

namespace {

// By Paint: attributes and the plain colours that every terminal has; told apart by colour-blind
// readers on light and dark backgrounds.
constexpr std::array<const char*, 7> kCodes = {"", "1", "2", "1;31", "35", "36", "34"};

}  // namespace

std::string painted(const std::string& text, Paint paint, const Style& style) {
  if (!style.colour || paint == Paint::plain || text.empty()) return text;
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<std::size_t>(paint)], text);
}

std::string heading(const std::string& title, const std::string& about, const Style& style) {
  std::string text = painted(wrapped(title, style.columns), Paint::strong, style) + "\n";
  if (!about.empty()) text += wrapped(about, style.columns) + "\n";
  return text;
}

}  // namespace tepui

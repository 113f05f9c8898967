// SPDX-License-Identifier: MIT
#include "site_layers.h"

#include <fmt/format.h>

namespace tepui {

std::string sites_with_layers(const std::string& sites, const std::string& layers) {
  if (layers.empty()) return sites;
  std::string out;
  std::string site;
  int depth = 0;
  for (const char c : sites + ",") {
    depth += c == '{' ? 1 : c == '}' ? -1 : 0;
    if (c != ',' || depth > 0) {
      site += c;
      continue;
    }
    if (!out.empty()) out += ',';
    out += site.find('.') == std::string::npos ? fmt::format("{}.{{{}}}", site, layers) : site;
    site.clear();
  }
  return out;
}

}  // namespace tepui

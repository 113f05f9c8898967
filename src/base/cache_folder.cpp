// SPDX-License-Identifier: MIT
#include "base/cache_folder.h"

#include <cstdlib>

namespace tepui {

std::filesystem::path cache_folder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::filesystem::path(value == nullptr ? "" : value);
  };
  if (const auto own = variable("TEPUI_CACHE_DIR"); !own.empty()) return own;
  if (const auto xdg = variable("XDG_CACHE_HOME"); !xdg.empty()) return xdg / "tepui";
  if (const auto home = variable("HOME"); !home.empty()) return home / ".cache" / "tepui";
  return {};
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
// Where what can be made again is kept between runs: $TEPUI_CACHE_DIR, else $XDG_CACHE_HOME/tepui,
// else ~/.cache/tepui; empty where none of these variables is set.
#pragma once

#include <filesystem>

namespace tepui {

std::filesystem::path cache_folder();

}  // namespace tepui

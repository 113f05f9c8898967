// SPDX-License-Identifier: MIT
// --site and --layers of commands that have both.
#pragma once

#include <string>

namespace tepui {

// LAYERS for every site that names none of its own.
std::string sites_with_layers(const std::string& sites, const std::string& layers);

}  // namespace tepui

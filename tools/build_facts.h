// SPDX-License-Identifier: MIT
// What this program was built from and with: for `tepui --version`.
#pragma once

#include <string>

namespace tepui {

// The version on the first line; then one fact a line, its name in front. No line break at the end.
std::string build_facts();

}  // namespace tepui

// SPDX-License-Identifier: MIT
// Stores of commands that have tables of their own (`tepui attention`, `tepui origin`,
// `tepui probe`) in the terminal: these tables, one store after the other.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "show/show.h"

namespace tepui {

// Nothing where these are scans and the like; an error where stores are of several kinds.
Result<std::optional<std::string>> show_own_tables(std::span<ShownStore> stores,
                                                   const ShowOptions& options, const Style& style);

}  // namespace tepui

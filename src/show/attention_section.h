// SPDX-License-Identifier: MIT
// Stores of `tepui attention` in the terminal: the command's own tables, one store after the other.
#pragma once

#include <span>
#include <string>

#include "show/show.h"

namespace tepui {

// Whether these are stores of `tepui attention`; an error where some are and some are not.
Result<bool> are_of_attention(std::span<ShownStore> stores);

Result<std::string> show_attention(std::span<ShownStore> stores, const ShowOptions& options,
                                   const Style& style);

}  // namespace tepui

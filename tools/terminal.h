// SPDX-License-Identifier: MIT
// What standard output is: how wide, which letters it can show, whether it takes colours.
#pragma once

#include "study/wording.h"

namespace tepui {

int terminal_width();  // 80 where it is no terminal
int table_width();     // likewise, but without end: what is not read by people is not folded

// Bars and dashes of Unicode only where the locale can show them.
Letters terminal_letters();

// A terminal, and neither NO_COLOR nor TERM=dumb speaks against it.
bool terminal_takes_colour();

}  // namespace tepui

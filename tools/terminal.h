// SPDX-License-Identifier: MIT
// The terminal that standard output goes to.
#pragma once

#include "study/wording.h"

namespace tepui {

int terminal_width();  // columns; 80 where there is none
Letters letters();     // Unicode only where the locale can show it

}  // namespace tepui

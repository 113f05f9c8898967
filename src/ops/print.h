// SPDX-License-Identifier: MIT
// A Program as text for people: operands that the caller binds first, then a line for each step.
#pragma once

#include <string>

#include "tepui/program.h"

namespace tepui {

std::string print_program(const Program& program);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// Manual pages in roff (man(7)), written from the program's own options: tepui(1) and one page for
// each command, tepui-scan(1).
#pragma once

#include <string>

#include "option_facts.h"

namespace tepui {

std::string program_page(const ProgramFacts& program);
std::string command_page(const ProgramFacts& program, const CommandFacts& command);

// "tepui.1", "tepui-scan.1"
std::string page_file(const ProgramFacts& program, const CommandFacts* command);

}  // namespace tepui

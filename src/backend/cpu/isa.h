// SPDX-License-Identifier: MIT
// Which instruction set's kernels a run uses: the best one that the processor has, or the lower one
// that the user asks for (an option, or TEPUI_ISA=portable|avx2|avx512). A name that is unknown or
// beyond the processor is an error, never a silent other choice.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backend/cpu/kernel.h"
#include "tepui/result.h"

namespace tepui::cpu {

// Their names, all that this build has, the slowest first.
std::vector<const char*> built_kernels();

// All that this build has and this processor can run, the slowest first.
std::vector<const KernelTable*> usable_kernels();

// `asked` names one; empty: TEPUI_ISA's, or where that is unset or empty the best one.
Result<const KernelTable*> choose_kernels(std::string_view asked);

// Whether kernels that read a long stretch of memory once should ask for its lines before they read
// them: an Intel processor read it faster so, an AMD one slower (bench/README.md, "Token by
// token"), and others of their makers are taken to be alike. TEPUI_ASK_AHEAD=0|1 says so instead;
// another value is an error. No result depends on it.
Result<bool> choose_asking();

std::string processor_name();

}  // namespace tepui::cpu

// SPDX-License-Identifier: MIT
// What the system says that this process holds of the machine's memory: pages of mapped files
// included.
#pragma once

#include <cstdint>

namespace tepui {

std::uint64_t resident_bytes();       // now
std::uint64_t peak_resident_bytes();  // at most, since it began (VmHWM)

}  // namespace tepui

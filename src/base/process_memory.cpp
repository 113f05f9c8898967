// SPDX-License-Identifier: MIT
#include "base/process_memory.h"

#include <fstream>
#include <string>

namespace tepui {

namespace {

// "VmHWM:     1234 kB" of /proc/self/status; 0 where there is no such line.
std::uint64_t status_bytes(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name)) return std::stoull(line.substr(name.size())) * 1024;
  }
  return 0;
}

}  // namespace

std::uint64_t resident_bytes() { return status_bytes("VmRSS:"); }

std::uint64_t peak_resident_bytes() { return status_bytes("VmHWM:"); }

}  // namespace tepui

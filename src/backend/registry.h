// SPDX-License-Identifier: MIT
// Backends by name. Adding one: its folder, and its line in registry.cpp; the op and model tests
// then run on it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tepui/backend.h"

namespace tepui {

struct BackendOptions {
  int threads = 0;       // 0: all processors that this process may use
  std::string isa;       // cpu: portable, avx2 or avx512; empty: TEPUI_ISA, else the best there is
  bool profile = false;  // keep the time of each step, for benchmarks
};

// "auto" takes the fastest backend that this machine has.
Result<std::unique_ptr<Backend>> make_backend(std::string_view name, const BackendOptions& options);

std::vector<std::string> backend_names();  // without "auto"

}  // namespace tepui

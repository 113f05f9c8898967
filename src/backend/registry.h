// SPDX-License-Identifier: MIT
// The backends by name. Adding one: its folder under src/backend and a line in registry.cpp; the op
// tests and the golden tests then run on it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "tepui/backend.h"
#include "tepui/result.h"

namespace tepui {

struct BackendOptions {
  int threads = 0;  // 0: one for each processor
  std::string isa;  // empty: the widest instruction set that this processor has
};

std::span<const std::string_view> backend_names();
Result<std::unique_ptr<Backend>> make_backend(std::string_view name, const BackendOptions& options);

}  // namespace tepui

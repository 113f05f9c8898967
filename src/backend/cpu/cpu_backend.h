// SPDX-License-Identifier: MIT
// The CPU backend: every step runs at once, on all threads, with the kernels of one instruction set
// (law 2: nothing about a result depends on the number of threads).
#pragma once

#include <memory>
#include <span>

#include "backend/registry.h"
#include "tepui/backend.h"
#include "tepui/result.h"

namespace tepui {

Result<std::unique_ptr<Backend>> make_cpu_backend(const BackendOptions& options);

// The seconds spent in each step so far; all 0 unless the backend was made with `profile`.
std::span<const double> cpu_step_seconds(const Prepared& prepared);

}  // namespace tepui

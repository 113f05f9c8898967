// SPDX-License-Identifier: MIT
// A backend for tests that do not care whether it is fresh.
#pragma once

#include <memory>
#include <string>

#include "backend/registry.h"

namespace tepui::test {

// As make_backend gives it; but a device is opened once in a test program, because loading drivers
// and compiling kernels takes longer than a tiny model does. It is closed when the last test has
// run, while the driver and its layers are still whole, which they are not at exit.
Result<std::shared_ptr<Backend>> shared_backend(const std::string& name,
                                                const BackendOptions& options);

}  // namespace tepui::test

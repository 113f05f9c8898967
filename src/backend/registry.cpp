// SPDX-License-Identifier: MIT
#include "backend/registry.h"

#include <fmt/ranges.h>

#include "backend/cpu/cpu_backend.h"
#include "backend/reference/reference_backend.h"

namespace tepui {

std::vector<std::string> backend_names() { return {"cpu", "reference"}; }

Result<std::unique_ptr<Backend>> make_backend(std::string_view name,
                                              const BackendOptions& options) {
  if (name == "auto" || name == "cpu") return make_cpu_backend(options);
  if (name == "reference") return make_reference_backend();
  return fail(ErrorKind::usage, "--backend {}: expected auto or one of {}", name,
              fmt::join(backend_names(), ", "));
}

}  // namespace tepui

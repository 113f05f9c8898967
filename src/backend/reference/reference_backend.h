// SPDX-License-Identifier: MIT
// The oracle: runs every op by its reference, in host memory, one step after the other. Slow by
// intent; what it gives is the definition of what any other backend should.
#pragma once

#include <memory>

#include "tepui/backend.h"

namespace tepui {

std::unique_ptr<Backend> make_reference_backend();

}  // namespace tepui

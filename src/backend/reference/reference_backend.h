// SPDX-License-Identifier: MIT
// Runs every op by its definition (Op::reference): slow, in double, one thread. The oracle for ops
// and whole models.
#pragma once

#include <memory>

#include "tepui/backend.h"

namespace tepui {

std::unique_ptr<Backend> make_reference_backend();

}  // namespace tepui

// SPDX-License-Identifier: MIT
// Resolves an architecture's bindings against the tensors of a file. Used by open_model.
#pragma once

#include "models/model.h"

namespace tepui {

// Fills model.globals, layers and unused from model.spec and model.source. The error lists the
// first tensors that are missing or have another shape.
Status bind_weights(Model& model);

}  // namespace tepui

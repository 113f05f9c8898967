// SPDX-License-Identifier: MIT
// Resolves an architecture's bindings against the tensors of a file. Used by open_model.
#pragma once

#include "models/model.h"

namespace tepui {

// Where a container has its tensors; an HF folder as the architecture's row says.
struct BindingTable {
  std::span<const Binding> bindings;
  std::span<const std::string_view> prefixes;
  std::span<const std::string_view> ignored;
  float norm_offset = 0;  // added to the weights of norms
};

// Fills model.globals, layers and unused from model.spec and model.source. The error lists the
// first tensors that are missing or have another shape.
Status bind_weights(Model& model);
Status bind_weights(Model& model, const BindingTable& table);

}  // namespace tepui

// SPDX-License-Identifier: MIT
// What training changes: every weight that a model's parts are bound to, as f32 on its own,
// whatever tensor of the file it is a part of, and the way back into the file's tensors.
#pragma once

#include <string>
#include <vector>

#include "models/model.h"
#include "tepui/result.h"

namespace tepui {

constexpr int kGlobalLayer = -1;  // embeddings, final norm, head

struct Parameter {
  int layer = kGlobalLayer;
  const BoundWeight* weight = nullptr;  // of the model, which must outlive it
  Shape shape;                          // [N, K] of a matrix or a table, [N] of a vector
  std::string name;                     // "layer 3 q"
  bool decays = false;                  // matrices and tables, not norms and biases

  WeightRole role() const { return weight->role; }
  std::size_t elements() const { return static_cast<std::size_t>(shape.elements()); }
};

// Where trained values stand by parameter.
using ParameterValues = std::vector<std::vector<float>>;

// Refuses models with weights that cannot be trained (experts, rows in rotary pairs).
Result<std::vector<Parameter>> parameters_of(const Model& model);

std::vector<float> parameter_values(const Parameter& parameter);  // as the file has them

// The file's tensors with these values in their places, by name; all f32.
struct TensorValues {
  std::string name;
  Shape shape;
  std::vector<float> values;
};
std::vector<TensorValues> file_tensors(const std::vector<Parameter>& parameters,
                                       const ParameterValues& values);

}  // namespace tepui

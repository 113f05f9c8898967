// SPDX-License-Identifier: MIT
// LLaMA-type models of named shapes, so that nothing need be downloaded to measure one.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/model.h"

namespace tepui {

struct NamedShape {
  std::string_view name;
  int width = 0;
  int hidden = 0;
  int layers = 0;
  int heads = 0;
  int kv_heads = 0;
  int vocabulary = 0;
  int context = 0;

  int key_width() const { return width / heads * kv_heads; }
};

std::span<const NamedShape> named_shapes();
// An error lists the names.
Result<NamedShape> named_shape(std::string_view name);

// config.json of the shape.
std::string shape_config(const NamedShape& shape);

struct ShapeTensor {
  std::string name;
  Shape shape;
};
// Of what stands before and behind the layers, and of one layer.
std::vector<ShapeTensor> global_tensors(const NamedShape& shape);
std::vector<ShapeTensor> layer_tensors(const NamedShape& shape, int layer);

// Norms of 1, and matrices in +-1.7 / sqrt(columns), as a new model has them; one of 256 values an
// element.
class RandomWeights {
 public:
  // The next elements of a tensor of this shape.
  void fill(std::span<float> values, const Shape& shape);

 private:
  std::uint64_t state_ = 88172645463325252U;
};

// A model whose weights lie in memory (RandomWeights, tensor by tensor). The matrices are of
// `dtype` (weights/encode.h).
Result<Model> random_model(const NamedShape& shape, DType dtype);
// One without weights: it can be lowered and planned, and not run.
Result<Model> outline_model(const NamedShape& shape, DType dtype);

}  // namespace tepui

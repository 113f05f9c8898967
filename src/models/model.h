// SPDX-License-Identifier: MIT
// A model that was opened: its specification and, for every role, where the bytes stand. Opening
// checks that every tensor which the architecture needs is there with the shape that the
// configuration implies; it reads no weights.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/spec.h"
#include "tepui/result.h"
#include "weights/source.h"

namespace tepui {

enum class WeightKind : std::uint8_t {
  table,   // read row by row as it is stored (embeddings)
  vector,  // cast to f32
  matrix,  // packed
};
WeightKind kind_of(WeightRole role);
std::string_view role_name(WeightRole role);

// One weight of one layer within its tensor.
struct BoundWeight {
  WeightRole role;
  const TensorRef* tensor = nullptr;
  // Matrices: [n, k] read as `pack` reads it. Vectors: n elements from `offset` on (k = 1). Tables:
  // [n, k].
  PackParams place{};
};

class Model {
 public:
  ModelSpec spec;
  std::string name;  // the folder's or file's name, for people
  std::string path;
  std::unique_ptr<WeightSource> source;
  std::vector<BoundWeight> globals;              // embeddings, final norm, head
  std::vector<std::vector<BoundWeight>> layers;  // per layer, in the table's order
  std::vector<std::string> unused;               // tensors that no binding names and no one knows

  // Null if this model has none of that role (no bias, a tied head).
  const BoundWeight* find_global(WeightRole role) const;
};

// An HF folder, or a llama2.c checkpoint (a file that ends in .bin).
Result<Model> open_model(const std::filesystem::path& path);

}  // namespace tepui

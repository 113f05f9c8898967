// SPDX-License-Identifier: MIT
// A model that was opened: its specification and, for every role, where the bytes stand. Opening
// checks that every tensor which the architecture needs is there with the shape that the
// configuration implies; it reads no weights.
#pragma once

#include <cstdint>
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
  table,    // read row by row as it is stored (embeddings)
  vector,   // cast to f32
  matrix,   // packed
  experts,  // a matrix for each expert, packed one behind the other
};
WeightKind kind_of(WeightRole role);
std::string_view role_name(WeightRole role);

// One weight of one layer within its tensor.
struct BoundWeight {
  WeightRole role;
  const TensorRef* tensor = nullptr;
  // Matrices: [n, k] read as `pack` reads it, experts: one of them. Vectors: n elements, likewise
  // (k = 1). Tables: [n, k] from `offset` on.
  PackParams place{};
  // What follows `tensor`, each read at the same place: the other experts' matrices, the other
  // heads' parts of a vector.
  std::vector<const TensorRef*> rest = {};
  float add = 0;   // to every element of a vector
  int groups = 1;  // a vector of [groups, n / groups]: each head's own weights
  // Above 0: rows 2i and 2i + 1 of the file's heads of this size are a rotary pair; they are put in
  // the order (i, i + size / 2) before they are packed or cast.
  int paired_rows = 0;
};

// Where row n stands among rows in rotary pairs.
constexpr std::uint64_t paired_row(std::uint64_t n, int size) {
  const std::uint64_t head = static_cast<std::uint64_t>(size);
  const std::uint64_t i = n % head;
  return n - i + 2 * (i % (head / 2)) + i / (head / 2);
}

// What the weight is where it is resident; a table stays as it is stored.
TensorType resident_type(const BoundWeight& weight);

// A vector's elements as f32, from all its tensors.
std::vector<float> vector_values(const BoundWeight& weight);

class Model {
 public:
  ModelSpec spec;
  std::string name;  // the folder's or file's name, for people
  std::string path;
  std::string container;  // "safetensors", "torch", "GGUF", "llama2.c", "nanoGPT"
  std::unique_ptr<WeightSource> source;
  std::vector<BoundWeight> globals;              // embeddings, final norm, head
  std::vector<std::vector<BoundWeight>> layers;  // per layer, in the table's order
  std::vector<std::string> unused;               // tensors that no binding names and no one knows

  // Null if this model has none of that role (no bias, a tied head).
  const BoundWeight* find_global(WeightRole role) const;
};

// An HF folder, a GGUF file (or a folder with a single one), a llama2.c checkpoint (a file that
// ends in .bin) or one of nanoGPT (.pt, or a folder with ckpt.pt).
Result<Model> open_model(const std::filesystem::path& path);

}  // namespace tepui

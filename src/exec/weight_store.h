// SPDX-License-Identifier: MIT
// Weights on a backend. A tensor is read from its mapping, checked for NaN and infinity, and packed
// or cast once per residency; tables are adopted as they are. Layers stay resident as long as the
// budget allows, else until the next one needs the room.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "input/tokenizer.h"
#include "models/model.h"
#include "tepui/backend.h"

namespace tepui {

// Bytes of so many stored elements, which are whole blocks.
std::size_t stored_bytes(DType dtype, std::uint64_t elements);

// A buffer of these values.
Result<Buffer> upload_values(Backend& backend, const std::vector<float>& values);

// The Program that packs a stored matrix: one step, from source to result.
struct Packing {
  Program program;
  Value source;
  Value result;
};
Result<Packing> packing_of(const BoundWeight& weight);

class WeightStore {
 public:
  // `budget` is in bytes of the backend's memory; one layer is always allowed.
  WeightStore(Backend& backend, const Model& model, ThreadPool& pool, std::uint64_t budget);

  // Whether the whole model may stay: then a wave costs no packing, however small it is.
  bool all_fit() const;

  bool resident(int layer) const { return resident_.contains(layer); }
  // Whether the table of token embeddings is too large to become resident, for one allocation or
  // beside anything else: then a chunk takes the rows of its tokens.
  bool gathers_tokens() const;
  // The rows of these tokens, one behind the other, as they are stored.
  Result<Buffer> gather_tokens(std::span<const TokenId> ids);

  // What a layer takes once it is resident (kNoLayer: the embeddings and the final norm).
  std::uint64_t bytes_of(int layer) const;

  // Makes a layer's weights resident (kNoLayer: the embeddings and the final norm). Others may have
  // to leave: unless it is resident already, no work that reads weights may be under way.
  Status require(int layer);
  // Valid until the next require(). The role must be one of the model's.
  BufferSlice slice(int layer, WeightRole role) const;

 private:
  using Slots = std::map<WeightRole, Buffer>;

  Result<Buffer> load(const BoundWeight& weight);
  Result<Buffer> pack_all(const BoundWeight& weight);
  Status pack(const TensorRef& tensor, const BoundWeight& weight, BufferSlice to);
  Status check(const TensorRef& tensor);
  std::span<const BoundWeight> bound(int layer) const;
  bool held(const BoundWeight& weight) const;
  void make_room(int keep, std::uint64_t bytes);

  Backend& backend_;
  const Model& model_;
  ThreadPool& pool_;
  std::uint64_t budget_;
  std::uint64_t resident_bytes_ = 0;
  std::map<int, Slots> resident_;
  std::map<const TensorRef*, bool> checked_;
};

}  // namespace tepui

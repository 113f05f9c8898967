// SPDX-License-Identifier: MIT
// Tensors that lie in memory: of models that no file holds.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "weights/source.h"

namespace tepui {

class MemorySource final : public WeightSource {
 public:
  // `bytes` as `type` needs them.
  void add(std::string name, const TensorType& type, std::vector<std::byte> bytes);
  // One of which nothing but the type will be asked.
  void add_outline(std::string name, const TensorType& type);
  // Behind the last of these.
  void sort();

  std::span<const TensorRef> tensors() const override { return tensors_; }

 private:
  std::deque<std::vector<std::byte>> storage_;
  std::vector<TensorRef> tensors_;
};

// The matrices (of rank 2, with rows of whole blocks) as `dtype`, everything else as f32; from the
// values that are stored.
std::unique_ptr<WeightSource> converted(const WeightSource& source, DType dtype);

}  // namespace tepui

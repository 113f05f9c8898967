// SPDX-License-Identifier: MIT
#include "weights/memory_source.h"

#include <algorithm>

#include "base/assert.h"
#include "weights/encode.h"

namespace tepui {

void MemorySource::add(std::string name, const TensorType& type, std::vector<std::byte> bytes) {
  TEPUI_ASSERT(bytes.size() == type.bytes());
  storage_.push_back(std::move(bytes));
  tensors_.push_back({std::move(name), type, storage_.back(), "memory", 0});
}

void MemorySource::add_outline(std::string name, const TensorType& type) {
  tensors_.push_back({std::move(name), type, {}, "memory", 0});
}

void MemorySource::sort() { std::ranges::sort(tensors_, {}, &TensorRef::name); }

std::unique_ptr<WeightSource> converted(const WeightSource& source, DType dtype) {
  auto out = std::make_unique<MemorySource>();
  std::vector<float> values;
  for (const TensorRef& tensor : source.tensors()) {
    const Shape& shape = tensor.type.shape;
    const HostView view{tensor.type, tensor.bytes};
    values.resize(static_cast<std::size_t>(shape.elements()));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(view.at(static_cast<std::int64_t>(i)));
    const bool matrix = shape.rank() == 2 && shape[1] % dtype_block(dtype).elements == 0;
    const DType own = matrix ? dtype : DType::f32;
    out->add(tensor.name, {own, shape}, encode(values, own));
  }
  out->sort();
  return out;
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "models/weight_rows.h"

#include <algorithm>
#include <span>

#include "base/assert.h"
#include "tepui/op.h"

namespace tepui {

std::vector<float> matrix_rows(const BoundWeight& weight, std::uint32_t first, std::uint32_t count,
                               std::size_t expert) {
  TEPUI_ASSERT(weight.paired_rows == 0 && first + count <= weight.place.n);
  const TensorRef& tensor = expert == 0 ? *weight.tensor : *weight.rest[expert - 1];
  const HostView stored{tensor.type, tensor.bytes};
  std::vector<float> rows(std::size_t{count} * weight.place.k);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t n = first + i;
    const PackParams& all = weight.place;
    const std::uint32_t row = all.run == 0 ? n : n / all.run * all.period + n % all.run;
    PackParams own = all;
    own.n = 1;
    own.run = own.period = 0;
    own.offset += all.transposed != 0 ? row : row * all.stride;
    const MutableHostView to{
        {DType::packed, Shape{1, all.k}},
        std::as_writable_bytes(std::span(rows).subspan(std::size_t{i} * all.k, all.k))};
    op_of(OpCode::pack).reference({&stored, 1}, {&to, 1}, ParamBytes(own));
  }
  return rows;
}

const BoundWeight* find_weight(const Model& model, int layer, WeightRole role) {
  const auto& list = model.layers[static_cast<std::size_t>(layer)];
  const auto found = std::ranges::find(list, role, &BoundWeight::role);
  return found == list.end() ? nullptr : &*found;
}

}  // namespace tepui

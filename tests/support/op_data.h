// SPDX-License-Identifier: MIT
// Seeded operands for op tests: a type, a rule that fills it, or exact values.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tepui/op.h"

namespace tepui::test {

enum class Fill {
  normal,
  massive,       // 8e5 in one channel of every row, about 1e-3 elsewhere
  massive_zero,  // normal, but 0 in the channel that `massive` fills: what stays is tiny
  wide,          // from -100 to 100, with tiny values among them
  ties,          // few distinct magnitudes of both signs, and zeros of both signs
  special,       // normal, with NaN, infinities, denormals and negative zeros among them
};

// The channel of the last axis that holds the massive values.
inline std::int64_t massive_channel(std::int64_t width) { return width / 3; }

struct Operand {
  TensorType type;  // packed: [N, K]
  Fill fill = Fill::normal;
  std::vector<double> values = {};  // exact contents, instead of a fill
  // Of a packed operand: the stored matrix and where it is read.
  TensorType stored = {};
  PackParams pack = {};
};

Operand f32(Shape shape, Fill fill = Fill::normal);
Operand exact(DType dtype, Shape shape, std::vector<double> values);
Operand i32(std::vector<double> values);  // [count]
Operand absent();
Operand packed(std::int64_t n, std::int64_t k, DType stored, Fill fill = Fill::normal,
               bool transposed = false);

// One [n, k] matrix for each expert.
Operand packed_experts(std::int64_t experts, std::int64_t n, std::int64_t k, DType stored);

std::vector<DType> quantised_dtypes();  // a tensor of theirs is filled with blocks of any bytes

struct HostTensor {
  TensorType type;
  std::vector<std::byte> bytes;

  HostView view() const { return {type, bytes}; }
  MutableHostView mutable_view() { return {type, bytes}; }
};

HostTensor make_tensor(const Operand& operand,
                       std::uint64_t seed);  // of the stored type, if packed
HostTensor zeros(const TensorType& type, std::size_t bytes);

}  // namespace tepui::test

// SPDX-License-Identifier: MIT
#include "support/op_data.h"

#include <array>
#include <cstring>
#include <limits>
#include <random>

#include "base/assert.h"
#include "base/half.h"
#include "tensor/quantised.h"

namespace tepui::test {

Operand f32(Shape shape, Fill fill) { return {.type = {DType::f32, shape}, .fill = fill}; }

Operand exact(DType dtype, Shape shape, std::vector<double> values) {
  return {.type = {dtype, shape}, .values = std::move(values)};
}

Operand i32(std::vector<double> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return exact(DType::i32, {count}, std::move(values));
}

Operand absent() { return {.type = TensorType::absent()}; }

Operand packed(std::int64_t n, std::int64_t k, DType stored, Fill fill, bool transposed) {
  const Shape shape = transposed ? Shape{k, n} : Shape{n, k};
  const PackParams pack{static_cast<uint>(n), static_cast<uint>(k), 0, static_cast<uint>(shape[1]),
                        transposed ? 1U : 0U};
  return {.type = {packed_dtype(stored), {n, k}},
          .fill = fill,
          .stored = {stored, shape},
          .pack = pack};
}

Operand packed_experts(std::int64_t experts, std::int64_t n, std::int64_t k, DType stored) {
  const PackParams pack{static_cast<uint>(n), static_cast<uint>(k), 0, static_cast<uint>(k), 0};
  return {.type = {packed_dtype(stored), {experts, n, k}},
          .stored = {stored, {experts, n, k}},
          .pack = pack};
}

std::vector<DType> quantised_dtypes() {
  return {DType::q8_0, DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1,
          DType::q2_k, DType::q3_k, DType::q4_k, DType::q5_k, DType::q6_k};
}

namespace {

void put(HostTensor& tensor, std::size_t i, double value) {
  const auto narrow = static_cast<float>(value);
  switch (tensor.type.dtype) {
    case DType::f32: tensor.mutable_view().as<float>()[i] = narrow; return;
    case DType::f16: tensor.mutable_view().as<std::uint16_t>()[i] = f16_from_f32(narrow); return;
    case DType::bf16: tensor.mutable_view().as<std::uint16_t>()[i] = bf16_from_f32(narrow); return;
    case DType::i32:
      tensor.mutable_view().as<std::int32_t>()[i] = static_cast<std::int32_t>(value);
      return;
    case DType::u32:
      tensor.mutable_view().as<std::uint32_t>()[i] = static_cast<std::uint32_t>(value);
      return;
    default: TEPUI_ASSERT(tensor.type.dtype == DType::f32);
  }
}

class Filler {
 public:
  Filler(Fill fill, const Shape& shape, std::uint64_t seed) : fill_(fill), random_(seed) {
    width_ = shape.rank() > 0 ? static_cast<std::size_t>(shape[shape.rank() - 1]) : 1;
    massive_ = static_cast<std::size_t>(massive_channel(static_cast<std::int64_t>(width_)));
  }

  double at(std::size_t i) {
    const double normal = normal_(random_);
    const std::uint64_t dice = random_() >> 32;
    const bool massive = i % width_ == massive_;
    switch (fill_) {
      case Fill::normal: return normal;
      case Fill::massive: return massive ? 8e5 + 1e4 * normal : 1e-3 * normal;
      case Fill::massive_zero: return massive ? 0 : normal;
      case Fill::wide: return dice % 8 == 0 ? normal * 1e-6 : normal_wide(dice);
      case Fill::ties: return kTies[dice % kTies.size()];
      case Fill::special: return dice % 16 == 0 ? kSpecial[dice / 16 % kSpecial.size()] : normal;
    }
    return normal;
  }

 private:
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();
  static constexpr std::array kTies{0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5};
  static constexpr std::array kSpecial{
      std::numeric_limits<double>::quiet_NaN(), kInfinity, -kInfinity, 1e-40, -1e-40, -0.0};

  static double normal_wide(std::uint64_t dice) {
    return static_cast<double>(dice % 200001) / 1000 - 100;
  }

  Fill fill_;
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  std::size_t width_ = 1;
  std::size_t massive_ = 0;
};

// Any bytes are a block; scales and minima are small halves, subnormal and negative ones among
// them.
void fill_blocks(HostTensor& tensor, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  for (std::byte& byte : tensor.bytes) byte = static_cast<std::byte>(random() >> 56);
  const std::size_t size = dtype_block(tensor.type.dtype).bytes;
  for (std::size_t block = 0; block < tensor.bytes.size(); block += size) {
    for (const int at : block_halves(tensor.type.dtype)) {
      const float scale = random() % 8 == 0 ? 1e-6F : 1e-2F;
      const std::uint16_t half = f16_from_f32(scale * normal(random));
      std::memcpy(&tensor.bytes[block + static_cast<std::size_t>(at)], &half, sizeof(half));
    }
  }
}

}  // namespace

HostTensor zeros(const TensorType& type, std::size_t bytes) {
  return {type, std::vector<std::byte>(bytes)};
}

HostTensor make_tensor(const Operand& operand, std::uint64_t seed) {
  if (!operand.type.present()) return {operand.type, {}};
  const TensorType& type = is_packed(operand.type.dtype) ? operand.stored : operand.type;
  HostTensor tensor = zeros(type, type.bytes());
  const auto count = static_cast<std::size_t>(type.shape.elements());
  TEPUI_ASSERT(operand.values.empty() || operand.values.size() == count);
  if (count == 0) return tensor;
  if (is_quantised(type.dtype)) {
    fill_blocks(tensor, seed);
    return tensor;
  }
  Filler filler(operand.fill, type.shape, seed);
  for (std::size_t i = 0; i < count; ++i) {
    put(tensor, i, operand.values.empty() ? filler.at(i) : operand.values[i]);
  }
  return tensor;
}

}  // namespace tepui::test

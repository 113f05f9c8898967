// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "support/safetensors_writer.h"
#include "weights/source.h"

namespace tepui {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::span<const std::byte> as_bytes(const std::string& bytes) {
  return std::as_bytes(std::span(bytes));
}

TensorRef reference(const TensorType& type, std::span<const std::byte> bytes) {
  return {"x", type, bytes, "model.safetensors", 100};
}

std::string message_for(const TensorType& type, std::span<const std::byte> bytes, int threads) {
  ThreadPool pool(threads);
  const Status status = check_finite(reference(type, bytes), pool);
  return status ? "" : status.error().message;
}

TEST(CheckFinite, FindsEachKindInEachFloatType) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::f64}) {
    for (const auto& [value, word] : {std::pair(kNan, "nan"), std::pair(-kNan, "nan"),
                                      std::pair(kInfinity, "inf"), std::pair(-kInfinity, "-inf")}) {
      std::vector<float> values(4 * 20, 1.0F);
      values[3 * 20 + 17] = value;
      const auto tensor = test::float_tensor(dtype, Shape{4, 20}, values);
      EXPECT_EQ(message_for({dtype, Shape{4, 20}}, as_bytes(tensor.bytes), 1),
                fmt::format("model.safetensors: tensor x: element [3, 17] is {} (at byte offset "
                            "{}), expected finite numbers only",
                            word, 100 + 77 * dtype_bytes(dtype)));
    }
  }
}

TEST(CheckFinite, PassesTheLargestSmallestAndZeroOfEachType) {
  const std::vector<std::uint16_t> f16 = {0x7bff, 0xfbff, 0, 0x8000, 1, 0x8001, 0x03ff};
  const std::vector<std::uint16_t> bf16 = {0x7f7f, 0xff7f, 0, 0x8000, 1, 0x8001, 0x007f};
  const std::vector<std::uint32_t> f32 = {0x7f7fffff, 0xff7fffff, 0, 0x80000000, 1, 0x807fffff};
  const std::vector<std::uint64_t> f64 = {0x7fefffffffffffff, 0xffefffffffffffff, 0, 1};
  EXPECT_EQ(message_for({DType::f16, Shape{7}}, std::as_bytes(std::span(f16)), 1), "");
  EXPECT_EQ(message_for({DType::bf16, Shape{7}}, std::as_bytes(std::span(bf16)), 1), "");
  EXPECT_EQ(message_for({DType::f32, Shape{6}}, std::as_bytes(std::span(f32)), 1), "");
  EXPECT_EQ(message_for({DType::f64, Shape{4}}, std::as_bytes(std::span(f64)), 1), "");
}

TEST(CheckFinite, IntegersAreAlwaysFinite) {
  const std::string ones(64, '\xff');
  EXPECT_EQ(message_for({DType::i64, Shape{8}}, as_bytes(ones), 1), "");
  EXPECT_EQ(message_for({DType::i32, Shape{16}}, as_bytes(ones), 1), "");
  EXPECT_EQ(message_for({DType::u32, Shape{16}}, as_bytes(ones), 1), "");
  EXPECT_EQ(message_for({DType::u8, Shape{64}}, as_bytes(ones), 1), "");
  EXPECT_NE(message_for({DType::f32, Shape{16}}, as_bytes(ones), 1), "");
}

TEST(CheckFinite, EmptyAndScalarTensors) {
  EXPECT_EQ(message_for({DType::f32, Shape{0, 5}}, {}, 2), "");
  const float value = kNan;
  const auto bytes = std::as_bytes(std::span(&value, 1));
  EXPECT_NE(message_for({DType::f32, Shape{}}, bytes, 1).find("element [] is nan"),
            std::string::npos);
}

TEST(CheckFinite, ReportsTheLowestOfManyAtAnyThreadCountAndAlignment) {
  std::mt19937 random(11);
  const std::size_t count = 3'000'000;  // about twelve pieces
  std::string bytes(1 + count * sizeof(float), '\0');
  for (int round = 0; round < 12; ++round) {
    std::memset(bytes.data(), 0x3f, bytes.size());
    std::size_t lowest = count;
    for (int spot = 0; spot < 1 + round; ++spot) {
      const std::size_t index = random() % count;
      std::memcpy(bytes.data() + 1 + index * sizeof(float), &kInfinity, sizeof(float));
      lowest = std::min(lowest, index);
    }
    const TensorType type{DType::f32, Shape{static_cast<std::int64_t>(count)}};
    const std::string expected = fmt::format("element [{}] is inf", lowest);
    for (const int threads : {1, 2, 5}) {
      const std::string message = message_for(type, as_bytes(bytes).subspan(1), threads);
      EXPECT_NE(message.find(expected), std::string::npos) << message;
    }
  }
}

TEST(CheckFinite, LooksAtEveryElementUpToTheLast) {
  for (const std::size_t count : {1U, 2U, 31U, 4095U, 4096U, 4097U, 262143U, 262144U, 262145U}) {
    std::vector<float> values(count, 1.0F);
    values.back() = kNan;
    const TensorType type{DType::f32, Shape{static_cast<std::int64_t>(count)}};
    EXPECT_NE(message_for(type, std::as_bytes(std::span(values)), 2), "") << count;
  }
}

}  // namespace
}  // namespace tepui

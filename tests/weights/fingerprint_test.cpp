// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "support/paths.h"
#include "support/safetensors_writer.h"
#include "weights/source.h"

namespace tepui {
namespace {

using test::SafetensorsTensor;
using test::SafetensorsTensors;

SafetensorsTensor bytes(const std::string& text) {
  return {DType::u8, Shape{static_cast<std::int64_t>(text.size())}, text};
}

std::string fingerprint_of(const SafetensorsTensors& tensors, int threads = 1) {
  const test::TemporaryFolder folder;
  test::write_safetensors(folder.path() / "model.safetensors", tensors);
  const auto source = open_safetensors(folder.path());
  EXPECT_TRUE(source) << source.error().message;
  ThreadPool pool(threads);
  return fingerprint(**source, pool).value();
}

SafetensorsTensors large() {
  std::mt19937 random(3);
  std::string text(3'500'000, '\0');
  for (char& byte : text) byte = static_cast<char>(random());
  return {{"a", bytes("abc")}, {"large", bytes(text)}, {"z", bytes("")}};
}

TEST(Fingerprint, IsFixedForEver) {
  EXPECT_EQ(fingerprint_of({{"a", bytes("abc")}, {"b", bytes("")}}),
            "49ab64bd12e008d19743bae4dd93dfe9");
}

TEST(Fingerprint, DoesNotDependOnTheThreadCount) {
  const auto tensors = large();
  const std::string one = fingerprint_of(tensors, 1);
  EXPECT_EQ(one.size(), 32U);
  for (const int threads : {2, 3, 8}) EXPECT_EQ(fingerprint_of(tensors, threads), one);
}

TEST(Fingerprint, ChangesWithNameTypeShapeAndEveryByte) {
  std::set<std::string> seen;
  auto tensors = large();
  seen.insert(fingerprint_of(tensors));
  for (const std::size_t at : {0U, 1'048'575U, 1'048'576U, 3'499'999U}) {
    auto changed = tensors;
    changed["large"].bytes[at] = static_cast<char>(changed["large"].bytes[at] ^ 1);
    seen.insert(fingerprint_of(changed));
  }
  EXPECT_EQ(seen.size(), 5U);
  seen.insert(fingerprint_of({{"a", {DType::f32, Shape{2}, "12345678"}}}));
  seen.insert(fingerprint_of({{"b", {DType::f32, Shape{2}, "12345678"}}}));
  seen.insert(fingerprint_of({{"a", {DType::i32, Shape{2}, "12345678"}}}));
  seen.insert(fingerprint_of({{"a", {DType::f32, Shape{1, 2}, "12345678"}}}));
  seen.insert(fingerprint_of({{"a", bytes("1234")}, {"b", bytes("5678")}}));
  seen.insert(fingerprint_of({{"a", bytes("12345")}, {"b", bytes("678")}}));
  seen.insert(fingerprint_of({{"a", bytes("5678")}, {"b", bytes("1234")}}));
  EXPECT_EQ(seen.size(), 12U);
}

TEST(Fingerprint, DoesNotDependOnSharding) {
  const test::TemporaryFolder folder;
  test::write_safetensors(folder.path() / "x.safetensors", {{"b", bytes("bb")}});
  test::write_safetensors(folder.path() / "y.safetensors", {{"a", bytes("a")}});
  test::write_file(folder.path() / "model.safetensors.index.json",
                   R"({"weight_map":{"a":"y.safetensors","b":"x.safetensors"}})");
  const auto source = open_safetensors(folder.path());
  ASSERT_TRUE(source) << source.error().message;
  ThreadPool pool(2);
  EXPECT_EQ(fingerprint(**source, pool).value(),
            fingerprint_of({{"a", bytes("a")}, {"b", bytes("bb")}}));
}

}  // namespace
}  // namespace tepui

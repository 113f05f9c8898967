// SPDX-License-Identifier: MIT
#include "base/hash.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace tepui {
namespace {

TEST(Hash, IsFixedForEver) {
  EXPECT_EQ(hash_hex(""), "304e65431b019ab2ea5c30656fea6ffc");
  EXPECT_EQ(hash_hex("tepui"), "102405004fb624433b226f3558d6de6d");
  EXPECT_EQ(hash_hex(std::string(1000, 'x')), "3dcfd275982339acfff5540302e86e81");
}

TEST(Hash, IsThirtyTwoHexDigits) {
  const std::string hex = hash_hex("massive activations");
  EXPECT_EQ(hex.size(), 32U);
  EXPECT_EQ(hex.find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST(Hash, TellsZerosOfEveryLengthApart) {
  std::set<std::string> seen;
  for (std::size_t length = 0; length < 400; ++length)
    seen.insert(hash_hex(std::string(length, 0)));
  EXPECT_EQ(seen.size(), 400U);
}

TEST(Hash, DoesNotDependOnAlignment) {
  const std::string text(257, 'a');
  const std::string shifted = "?" + text;
  EXPECT_EQ(hash_hex(text), hash_hex(std::string_view(shifted).substr(1)));
}

TEST(Hash, EveryBitChangesAboutHalfOfTheResult) {
  std::mt19937 random(7);
  for (const std::size_t length : {1U, 8U, 16U, 63U, 64U, 65U, 200U}) {
    std::vector<std::byte> bytes(length);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    const Hash128 before = hash_bytes(bytes);
    int total = 0;
    for (std::size_t bit = 0; bit < 8 * length; ++bit) {
      bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      const Hash128 after = hash_bytes(bytes);
      bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      const int changed =
          std::popcount(before.high ^ after.high) + std::popcount(before.low ^ after.low);
      EXPECT_GT(changed, 30) << "length " << length << ", bit " << bit;
      total += changed;
    }
    EXPECT_NEAR(total / (8.0 * static_cast<double>(length)), 64, 5) << "length " << length;
  }
}

TEST(Hash, EveryBitIsSetInAboutHalfOfTheResults) {
  std::vector<int> set(128);
  for (int number = 0; number < 4000; ++number) {
    const std::string text = std::to_string(number);
    const Hash128 hash = hash_bytes(std::as_bytes(std::span(text)));
    for (std::size_t bit = 0; bit < 64; ++bit) {
      set[bit] += static_cast<int>((hash.low >> bit) & 1U);
      set[64 + bit] += static_cast<int>((hash.high >> bit) & 1U);
    }
  }
  for (std::size_t bit = 0; bit < 128; ++bit) EXPECT_NEAR(set[bit], 2000, 200) << "bit " << bit;
}

TEST(Hash, HasNoCollisionAmongSmallNumbers) {
  std::set<std::string> seen;
  for (int number = 0; number < 20000; ++number) seen.insert(hash_hex(std::to_string(number)));
  EXPECT_EQ(seen.size(), 20000U);
}

}  // namespace
}  // namespace tepui

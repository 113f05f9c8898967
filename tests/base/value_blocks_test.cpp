// SPDX-License-Identifier: MIT
#include "base/value_blocks.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace tepui {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

struct Block {
  std::byte* at;
  std::size_t bytes;
  int mark;
};

Block taken(ValueBlocks& blocks, std::size_t bytes, int mark) {
  std::byte* const at = blocks.take(bytes);
  std::memset(at, mark, bytes);
  return {at, bytes, mark};
}

void expect_whole(const Block& block) {
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block.at) % 64, 0U);
  for (std::size_t i = 0; i < block.bytes; ++i)
    ASSERT_EQ(std::to_integer<int>(block.at[i]), block.mark) << "byte " << i;
}

// Sizes that are no multiple of a line, more of them than a slab holds, given back and taken again
// in another order: nothing that lives is written by another.
TEST(ValueBlocks, NoBlockLiesInAnother) {
  ValueBlocks blocks;
  std::vector<Block> living;
  std::uint32_t random = 7;
  for (int i = 0; i < 300; ++i) {
    random = random * 1664525 + 1013904223;
    if (random >> 30 == 0 && !living.empty()) {
      std::swap(living[(random >> 8) % living.size()], living.back());
      expect_whole(living.back());
      blocks.give_back(living.back().at, living.back().bytes);
      living.pop_back();
      continue;
    }
    const std::size_t bytes = ValueBlocks::kLeast + (random >> 16) % 8 * 80001;
    living.push_back(taken(blocks, bytes, i % 251));
  }
  EXPECT_GT(blocks.slabs(), 1U);
  for (const Block& block : living) expect_whole(block);
  for (const Block& block : living) blocks.give_back(block.at, block.bytes);
  EXPECT_EQ(blocks.slabs(), 1U);  // the one that is cut from
  EXPECT_EQ(blocks.idle_bytes(), 0U);
}

TEST(ValueBlocks, WhatWasGivenBackServesItsSizeAgain) {
  ValueBlocks blocks;
  const Block stays = taken(blocks, kMiB, 1);
  const Block first = taken(blocks, kMiB, 2);
  blocks.give_back(first.at, first.bytes);
  EXPECT_EQ(blocks.idle_bytes(), kMiB);
  const Block other = taken(blocks, 2 * kMiB, 3);
  EXPECT_NE(other.at, first.at);
  const Block second = taken(blocks, kMiB, 4);
  EXPECT_EQ(second.at, first.at);
  EXPECT_EQ(blocks.idle_bytes(), 0U);
  expect_whole(stays);
  for (const Block& block : {stays, other, second}) blocks.give_back(block.at, block.bytes);
}

// Of more than is kept the system gets the pages back: they are zero when they are taken again.
TEST(ValueBlocks, GivesTheSystemBackWhatIsMoreThanItKeeps) {
  ValueBlocks blocks;
  const Block stays = taken(blocks, kMiB, 1);
  const Block large = taken(blocks, ValueBlocks::kKept + kMiB, 2);
  blocks.give_back(large.at, large.bytes);
  EXPECT_EQ(blocks.idle_bytes(), 0U);
  std::byte* const again = blocks.take(large.bytes);
  ASSERT_EQ(again, large.at);
  EXPECT_EQ(std::to_integer<int>(again[large.bytes / 2]), 0);
  expect_whole(stays);
  blocks.give_back(again, large.bytes);
  blocks.give_back(stays.at, stays.bytes);
  std::byte* const next = blocks.take(ValueBlocks::kLeast);
  EXPECT_EQ(next, stays.at);  // from the beginning of the slab
  blocks.give_back(next, ValueBlocks::kLeast);
}

}  // namespace
}  // namespace tepui

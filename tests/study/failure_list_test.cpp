// SPDX-License-Identifier: MIT
#include "study/failure_list.h"

#include <gtest/gtest.h>

namespace tepui::test {
namespace {

using Lines = std::vector<std::string>;

TEST(FailureList, TellsAReasonOnce) {
  FailureList list;
  EXPECT_TRUE(list.empty());
  list.add("a, x", "gone");
  list.add("b, x", "damaged");
  list.add("a, y", "gone");
  EXPECT_EQ(list.lines(), (Lines{"a, x; a, y: gone", "b, x: damaged"}));
  FailureList more;
  for (const char* place : {"c", "d", "e"}) more.add(place, "gone");
  list.add(more);
  EXPECT_EQ(list.lines(), (Lines{"a, x; a, y; c and 2 more: gone", "b, x: damaged"}));
  EXPECT_EQ(list.places(), 6U);
}

}  // namespace
}  // namespace tepui::test

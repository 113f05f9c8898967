// SPDX-License-Identifier: MIT
#include "study/text_table.h"

#include <gtest/gtest.h>

namespace tepui {
namespace {

TextColumn column(const char* title, const char* cell, int keep = 0) {
  return {title, Align::left, keep, {cell}};
}

TEST(TextTable, FittedLeavesOutTheLeastImportant) {
  const std::vector<TextColumn> all = {column("a", "1", 3), column("bb", "2", 1),
                                       column("c", "3", 2)};
  EXPECT_EQ(put_together(fitted(all, 8)), "a  bb  c\n1  2   3\n");
  EXPECT_EQ(put_together(fitted(all, 7)), "a  c\n1  3\n");
  EXPECT_EQ(put_together(fitted(all, 1)), "a\n1\n");
}

TEST(TextTable, FoldedLeavesOutNothing) {
  const std::vector<TextColumn> all = {column("name", "x"), column("a", "1"), column("bb", "2"),
                                       column("c", "3")};
  EXPECT_EQ(folded(all, 1, 14), "name  a  bb  c\nx     1  2   3\n");
  EXPECT_EQ(folded(all, 1, 13), "name  a  bb\nx     1  2\n\nname  c\nx     3\n");
  EXPECT_EQ(folded(all, 1, 1), "name  a\nx     1\n\nname  bb\nx     2\n\nname  c\nx     3\n");
  EXPECT_EQ(folded(all, 2, 1), "name  a  bb\nx     1  2\n\nname  a  c\nx     1  3\n");
}

TEST(TextTable, EndsOfLongCellsAreKept) {
  TextColumn paths = column("text", "/a/long/way/to/file.txt");
  paths.cells.emplace_back("short");
  paths.cells.emplace_back("/\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9/x.txt");
  keep_ends(paths, 11);
  EXPECT_EQ(paths.cells[0], "...file.txt");
  EXPECT_EQ(paths.cells[1], "short");
  EXPECT_EQ(paths.cells[2], "...\u00e9\u00e9/x.txt");
}

}  // namespace
}  // namespace tepui

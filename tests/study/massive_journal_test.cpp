// SPDX-License-Identifier: MIT
// What a pass has found so far comes back bit for bit, as far as it is whole and of the same run.
#include "study/massive_journal.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>

#include "base/mapped_file.h"
#include "support/paths.h"

namespace tepui {
namespace {

constexpr int kFound = 4;  // sequences

MassiveActivations some() {
  MassiveActivations found(kFound);
  found[0] = {{1, 0, 119, -2811.3F}, {2, 0, 119, std::numeric_limits<float>::infinity()}};
  found[2] = {{1, 7, 36, std::nextafter(100.0F, 200.0F)}};
  found[3] = {{5, 1, 2, 300.0F}};
  return found;
}

void expect_same(const MassiveActivations& found, const MassiveActivations& expected, int until) {
  for (std::size_t s = 0; s < found.size(); ++s) {
    const auto& wanted =
        static_cast<int>(s) < until ? expected[s] : std::vector<MassiveActivation>{};
    ASSERT_EQ(found[s].size(), wanted.size()) << s;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_EQ(found[s][i].layer, wanted[i].layer);
      EXPECT_EQ(found[s][i].position, wanted[i].position);
      EXPECT_EQ(found[s][i].channel, wanted[i].channel);
      EXPECT_EQ(std::bit_cast<std::uint32_t>(found[s][i].value),
                std::bit_cast<std::uint32_t>(wanted[i].value));
    }
  }
}

TEST(MassiveJournal, GivesBackWhatIsWholeAndItsOwn) {
  test::TemporaryFolder folder;
  const StateKeeping keeping{folder.path() / "massive", "a run"};
  {
    MassiveActivations found(kFound);
    auto journal = MassiveJournal::open(keeping, found);
    ASSERT_TRUE(journal) << journal.error().message;
    EXPECT_FALSE(journal->holds(0));
    ASSERT_TRUE(journal->add({0, 2}, some()));
    ASSERT_TRUE(journal->add({2, 4}, some()));
  }
  MassiveActivations whole(kFound);
  EXPECT_TRUE(MassiveJournal::open(keeping, whole)->holds(3));
  expect_same(whole, some(), kFound);

  // A kill in the middle of a line: the unit is looked at again, and its line is whole then.
  const auto file = keeping.folder / "found";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 3);
  MassiveActivations cut(kFound);
  {
    auto journal = MassiveJournal::open(keeping, cut);
    EXPECT_TRUE(journal->holds(1));
    EXPECT_FALSE(journal->holds(2));
    expect_same(cut, some(), 2);
    ASSERT_TRUE(journal->add({2, 4}, some()));
  }
  MassiveActivations mended(kFound);
  EXPECT_TRUE(MassiveJournal::open(keeping, mended)->holds(3));
  expect_same(mended, some(), kFound);

  MassiveActivations others(kFound);
  EXPECT_FALSE(MassiveJournal::open({keeping.folder, "another run"}, others)->holds(0));
  expect_same(others, some(), 0);
}

TEST(MassiveJournal, WithoutAFolderKeepsNothing) {
  MassiveActivations found(kFound);
  auto journal = MassiveJournal::open({}, found);
  ASSERT_TRUE(journal);
  EXPECT_TRUE(journal->add({0, 4}, some()));
  EXPECT_FALSE(journal->holds(0));
}

}  // namespace
}  // namespace tepui

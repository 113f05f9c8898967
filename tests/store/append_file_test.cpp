// SPDX-License-Identifier: MIT
// A file that grows keeps what it is told to keep, and says what it misses.
#include "store/append_file.h"

#include <gtest/gtest.h>

#include "base/mapped_file.h"
#include "support/paths.h"

namespace tepui {
namespace {

class Appending : public testing::Test {
 protected:
  std::string content() const { return read_file(path_).value_or("none"); }
  test::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "new/rows";
};

TEST_F(Appending, GoesOnBehindWhatIsKept) {
  {
    auto file = AppendFile::open(path_, 0);
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_TRUE(file->write(std::string_view("one two")));
    ASSERT_TRUE(file->sync());
    EXPECT_EQ(file->size(), 7U);
  }
  {
    auto file = AppendFile::open(path_, 4);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(content(), "one ");
    ASSERT_TRUE(file->write(std::string_view("more")));
    EXPECT_EQ(file->size(), 8U);
  }
  EXPECT_EQ(content(), "one more");
  ASSERT_TRUE(AppendFile::open(path_, 0));
  EXPECT_EQ(content(), "");
}

TEST_F(Appending, MissesWhatIsGone) {
  ASSERT_TRUE(AppendFile::open(path_, 0)->write(std::string_view("abc")));
  const auto shorter = AppendFile::open(path_, 5);
  ASSERT_FALSE(shorter);
  EXPECT_NE(shorter.error().message.find("rows: expected at least 5 bytes"), std::string::npos)
      << shorter.error().message;
  EXPECT_EQ(content(), "abc");
  std::filesystem::remove(path_);
  EXPECT_FALSE(AppendFile::open(path_, 3));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace tepui

// SPDX-License-Identifier: MIT
// Every way in which a header can lie, and what is said about it.
#include <gtest/gtest.h>

#include <limits>

#include "support/paths.h"
#include "support/safetensors_writer.h"
#include "weights/source.h"

namespace tepui {
namespace {

using test::safetensors_content;

struct Fault {
  std::string name;
  std::string content;
  std::vector<std::string> said;  // all of these, besides the file
};

void PrintTo(const Fault& fault, std::ostream* os) { *os << fault.name; }

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return fmt::format(R"("{}":{{"dtype":"{}","shape":{},"data_offsets":{}}})", name, dtype, shape,
                     offsets);
}

// A file with one tensor "w" of which one thing is wrong, and eight bytes of data.
std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return safetensors_content(fmt::format("{{{}}}", entry("w", dtype, shape, offsets)), "12345678");
}

std::string two(const std::string& first, const std::string& second) {
  return safetensors_content(
      fmt::format("{{{},{}}}", entry("v", "F32", "[1]", first), entry("w", "F32", "[1]", second)),
      "12345678");
}

std::string with_length(std::uint64_t length, const std::string& rest) {
  std::string content;
  for (int byte = 0; byte < 8; ++byte) content += static_cast<char>((length >> (8 * byte)) & 0xffU);
  return content + rest;
}

std::vector<Fault> length_faults() {
  return {
      {"Empty", "", {"8 bytes of header length at byte offset 0", "found 0"}},
      {"SevenBytes", "1234567", {"8 bytes of header length at byte offset 0", "found 7"}},
      {"LengthBeyondFile",
       with_length(3, "{}"),
       {"header length of 2 at most at byte offset 0", "the file has 10 bytes", "found 3"}},
      {"LengthNearOverflow",
       with_length(std::numeric_limits<std::uint64_t>::max(), "{}"),
       {"header length of 2 at most", "found 18446744073709551615"}},
      {"HeaderOfLengthZero", with_length(0, "{}"), {"header", "syntax error at byte offset 8"}},
      {"LengthTooShort",
       with_length(3, R"({"w":{}})"),
       {"header", "expected JSON", "byte offset 11"}},
      {"HeaderIsAList", safetensors_content("[]", ""), {"expected an object", "offset 8", "[]"}},
      {"GarbageAfterHeader", safetensors_content("{}x", ""), {"syntax error at byte offset 10"}},
      {"BrokenUtf8", safetensors_content("{\"\xff\":1}", ""), {"syntax error at byte offset 10"}},
      {"HugeNumber", safetensors_content("{\"w\":1e999}", ""), {"a number out of range"}},
      {"TooDeep",
       safetensors_content(fmt::format("{{\"__metadata__\":{:[<100000}{:]<100000}}}", "", ""), ""),
       {"expected at most 16 levels"}},
      {"DuplicateTensor",
       safetensors_content(fmt::format("{{{0},{0}}}", entry("w", "U8", "[8]", "[0,8]")),
                           "12345678"),
       {"header", "\"w\" twice"}},
      {"DuplicateField",
       safetensors_content(R"({"w":{"dtype":"U8","dtype":"F32","shape":[8],"data_offsets":[0,8]}})",
                           "12345678"),
       {"header", "\"dtype\" twice"}},
      {"GitLfsPointer",
       "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n",
       {"git-lfs pointer", "git lfs pull"}},
  };
}

std::vector<Fault> entry_faults() {
  return {
      {"EntryIsANumber", safetensors_content("{\"w\":7}", ""), {"tensor w:", "an object", "7"}},
      {"NoDtype",
       safetensors_content(R"({"w":{"shape":[],"data_offsets":[0,0]}})", ""),
       {"tensor w:", "field \"dtype\", found none"}},
      {"NoShape",
       safetensors_content(R"({"w":{"dtype":"F32","data_offsets":[0,0]}})", ""),
       {"tensor w:", "field \"shape\", found none"}},
      {"NoOffsets",
       safetensors_content(R"({"w":{"dtype":"F32","shape":[]}})", ""),
       {"tensor w:", "field \"data_offsets\", found none"}},
      {"Float8", one("F8_E4M3", "[8]", "[0,8]"), {"tensor w:", "expected dtype", "F8_E4M3"}},
      {"DtypeIsANumber",
       safetensors_content(R"({"w":{"dtype":4,"shape":[],"data_offsets":[0,0]}})", ""),
       {"tensor w:", "expected dtype", "found 4"}},
      {"RankFive", one("U8", "[1,1,1,1,8]", "[0,8]"), {"tensor w:", "rank 4", "[1,1,1,1,8]"}},
      {"NegativeSize", one("U8", "[-8]", "[0,8]"), {"tensor w:", "list of sizes", "[-8]"}},
      {"FractionalSize", one("U8", "[8.0]", "[0,8]"), {"tensor w:", "list of sizes", "[8.0]"}},
      {"SizeBeyondInt64",
       one("U8", "[18446744073709551615]", "[0,8]"),
       {"tensor w:", "list of sizes", "18446744073709551615"}},
      {"ShapeIsAWord", one("U8", "\"8\"", "[0,8]"), {"tensor w:", "list of sizes", "\"8\""}},
      {"ProductOverflows",
       one("F32", "[4294967296,4294967296]", "[0,8]"),
       {"tensor w:", "below 2^63 bytes", "f32 [4294967296, 4294967296]"}},
      {"ProductOverflowsBeforeAZero",
       one("F32", "[4294967296,4294967296,0]", "[0,0]"),
       {"tensor w:", "below 2^63 bytes"}},
      {"OneOffset", one("U8", "[8]", "[8]"), {"tensor w:", "[begin, end]", "found [8]"}},
      {"NegativeOffset", one("U8", "[8]", "[-8,0]"), {"tensor w:", "[begin, end]", "[-8,0]"}},
      {"EndBeforeBegin", one("U8", "[8]", "[8,0]"), {"tensor w:", "8 bytes of data", "[8, 0]"}},
      {"BeyondTheFile", one("U8", "[9]", "[0,9]"), {"tensor w:", "8 bytes of data", "[0, 9]"}},
      {"FarBeyondTheFile",
       one("U8", "[8]", "[18446744073709551608,18446744073709551615]"),
       {"tensor w:", "8 bytes of data", "[18446744073709551608, 18446744073709551615]"}},
      {"WrongSize",
       one("F32", "[1]", "[0,8]"),
       {"tensor w:", "4 bytes for f32 [1] at byte offset", "found data_offsets [0, 8]"}},
      {"Overlap", two("[0,4]", "[2,6]"), {"tensor w:", "where tensor v ends", "byte offset"}},
      {"Same", two("[0,4]", "[0,4]"), {"tensor w:", "where tensor v ends", "byte offset"}},
      {"LaterTensorFirst",
       two("[4,8]", "[2,6]"),
       {"tensor w:", "begin at byte offset", "where the header ends"}},
      {"Hole",
       one("U8", "[6]", "[2,8]"),
       {"tensor w:", "begin at byte offset", "where the header ends"}},
      {"BytesLeftOver",
       one("U8", "[6]", "[0,6]"),
       {"where tensor w ends", "found 2 bytes more", "byte offset"}},
      {"NameWithANewline",
       safetensors_content(R"({"a\nb":7})", ""),
       {R"(tensor a\x0ab:)", "an object"}},
  };
}

class SafetensorsFault : public testing::TestWithParam<Fault> {};

TEST_P(SafetensorsFault, IsSaidInOneLine) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "model.safetensors";
  test::write_file(path, GetParam().content);
  const auto source = open_safetensors(folder.path());
  ASSERT_FALSE(source);
  const std::string& message = source.error().message;
  EXPECT_EQ(message.rfind(path.string() + ": ", 0), 0U) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  EXPECT_LT(message.size(), path.string().size() + 500) << message;
  for (const std::string& part : GetParam().said)
    EXPECT_NE(message.find(part), std::string::npos) << part << " | " << message;
}

std::string fault_name(const testing::TestParamInfo<Fault>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Length, SafetensorsFault, testing::ValuesIn(length_faults()), fault_name);
INSTANTIATE_TEST_SUITE_P(Entry, SafetensorsFault, testing::ValuesIn(entry_faults()), fault_name);

TEST(SafetensorsFaults, OffsetsCountFromTheStartOfTheFile) {
  const test::TemporaryFolder folder;
  const std::string header = fmt::format("{{{},{}}}", entry("v", "F32", "[1]", "[0,4]"),
                                         entry("w", "F32", "[1]", "[5,9]"));
  test::write_file(folder.path() / "model.safetensors", safetensors_content(header, "123456789"));
  const auto source = open_safetensors(folder.path());
  ASSERT_FALSE(source);
  const std::string expected =
      fmt::format("tensor w: expected to begin at byte offset {}, where tensor v ends, found {}",
                  8 + header.size() + 4, 8 + header.size() + 5);
  EXPECT_NE(source.error().message.find(expected), std::string::npos) << source.error().message;
}

}  // namespace
}  // namespace tepui

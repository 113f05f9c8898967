// SPDX-License-Identifier: MIT
#include "weights/gguf.h"

#include <gtest/gtest.h>

#include "support/gguf_writer.h"
#include "support/op_data.h"
#include "support/paths.h"

namespace tepui {
namespace {

using test::bytes_of;
using test::GgufWriter;

std::string message_for(const std::string& content) {
  const test::TemporaryFolder folder;
  test::write_file(folder.path() / "m.gguf", content);
  const auto opened = open_gguf(folder.path() / "m.gguf");
  if (opened) return "";
  const std::string& message = opened.error().message;
  const std::string file = (folder.path() / "m.gguf").string();
  EXPECT_EQ(message.find(file), 0U) << message;
  return message.substr(std::min(message.size(), file.size()));
}

std::string floats(std::initializer_list<float> values) {
  std::string bytes;
  for (const float value : values) bytes += bytes_of(value);
  return bytes;
}

TEST(Gguf, ReadsKeysAndTensors) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "m.gguf";
  GgufWriter writer;
  writer.text("general.architecture", "llama").u32("llama.block_count", 2);
  writer.f32("eps", 1e-5F).boolean("yes", true).texts("tokens", {"a", "", "bc"});
  writer.floats("scores", {0.5F, -1}).ints("types", {1, 3, -6});
  writer.tensor("w", Shape{2, 3}, 0, floats({1, 2, 3, 4, 5, 6}));
  writer.tensor("q", Shape{3, 32}, 8, std::string(3 * 34, '\1'));
  test::write_file(path, writer.content());
  const auto opened = open_gguf(path);
  ASSERT_TRUE(opened) << opened.error().message;
  const GgufMetadata& keys = opened->metadata;
  EXPECT_EQ(keys.text("general.architecture").value(), "llama");
  EXPECT_EQ(keys.integer("llama.block_count").value(), 2);
  EXPECT_EQ(keys.number("llama.block_count").value(), 2.0);
  EXPECT_EQ(keys.number("eps").value(), static_cast<double>(1e-5F));
  EXPECT_EQ(keys.boolean("yes").value(), true);
  EXPECT_EQ(keys.integer("absent").value(), std::nullopt);
  EXPECT_EQ(keys.texts("tokens").value(), (std::vector<std::string_view>{"a", "", "bc"}));
  EXPECT_EQ(keys.numbers("scores").value(), (std::vector<double>{0.5, -1}));
  EXPECT_EQ(keys.integers("types").value(), (std::vector<std::int64_t>{1, 3, -6}));
  const TensorRef* matrix = opened->source->find("w");
  ASSERT_NE(matrix, nullptr);
  EXPECT_EQ(matrix->type, (TensorType{DType::f32, Shape{2, 3}}));
  EXPECT_EQ((HostView{matrix->type, matrix->bytes}.at(5)), 6.0);
  EXPECT_EQ(matrix->offset % 32, 0U);
  const TensorRef* quantised = opened->source->find("q");
  ASSERT_NE(quantised, nullptr);
  EXPECT_EQ(quantised->type, (TensorType{DType::q8_0, Shape{3, 32}}));
  EXPECT_EQ(quantised->bytes.size(), 3U * 34U);
}

TEST(Gguf, AskingForAnotherKindIsAnError) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "m.gguf";
  GgufWriter writer;
  writer.text("t", "x\ny").u32("n", 7).texts("list", {"a", "b"}).boolean("b", false);
  writer.raw("big", bytes_of(std::uint32_t{10}) + bytes_of(~std::uint64_t{0}));
  test::write_file(path, writer.content());
  const auto opened = open_gguf(path);
  ASSERT_TRUE(opened) << opened.error().message;
  const GgufMetadata& keys = opened->metadata;
  const auto tail = [&](const auto& result) {
    return result ? std::string() : result.error().message.substr(path.string().size());
  };
  EXPECT_EQ(tail(keys.integer("t")),
            ": key \"t\": expected a whole number, found the string \"x\\x0ay\"");
  EXPECT_EQ(tail(keys.integer("list")),
            ": key \"list\": expected a whole number, found a list of 2 strings");
  EXPECT_EQ(tail(keys.integer("big")),
            ": key \"big\": expected a whole number, found a number beyond 2^63");
  EXPECT_EQ(tail(keys.text("n")), ": key \"n\": expected a string, found 7");
  EXPECT_EQ(tail(keys.boolean("n")), ": key \"n\": expected true or false, found 7");
  EXPECT_EQ(tail(keys.numbers("list")),
            ": key \"list\": expected a list of numbers, found a list of 2 strings");
  EXPECT_EQ(tail(keys.texts("b")), ": key \"b\": expected a list of strings, found false");
}

TEST(Gguf, RefusesTypesByName) {
  const auto with_type = [](std::uint32_t type) {
    return message_for(
        GgufWriter().tensor("blk.0.ffn_up.weight", Shape{2, 256}, type, "x").content());
  };
  EXPECT_EQ(
      with_type(16),
      ": tensor blk.0.ffn_up.weight: weights of the type IQ2_XXS cannot be read (number 16 at "
      "byte offset 71); read are F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1 and Q2_K to "
      "Q6_K");
  EXPECT_NE(with_type(39).find("MXFP4"), std::string::npos);
  EXPECT_NE(with_type(4).find("there is no such type of weights (number 4"), std::string::npos);
  EXPECT_NE(with_type(1000000).find("there is no such type"), std::string::npos);
}

TEST(Gguf, RefusesWhatTheFileCannotHold) {
  const std::string eight = floats({1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_EQ(message_for("GGML"), ": expected \"GGUF\" at byte offset 0, found another file");
  EXPECT_EQ(message_for(GgufWriter().version(4).content()),
            ": expected GGUF version 2 or 3, found 4");
  EXPECT_EQ(message_for(GgufWriter().version(0x03000000).content()),
            ": expected GGUF version 2 or 3, found the other byte order");
  EXPECT_EQ(message_for(GgufWriter().u32("a", 1).u32("a", 2).content()),
            ": key \"a\" stands twice, the second before byte offset 58");
  EXPECT_EQ(message_for(GgufWriter().raw("a", bytes_of(std::uint32_t{13})).content()),
            ": key \"a\": expected a value type from 0 to 12 at byte offset 33, found 13");
  const std::string lists = bytes_of(std::uint32_t{9}) + bytes_of(std::uint32_t{9});
  EXPECT_EQ(message_for(GgufWriter().raw("a", lists).content()),
            ": key \"a\": expected a list of values at byte offset 37, found a list of lists");
  const std::string endless =
      bytes_of(std::uint32_t{9}) + bytes_of(std::uint32_t{6}) + bytes_of(~std::uint64_t{0});
  EXPECT_NE(message_for(GgufWriter().raw("a", endless).content())
                .find(": key \"a\": expected 18446744073709551615 values of 4 bytes"),
            std::string::npos);
  EXPECT_EQ(message_for(GgufWriter().u32("general.alignment", 24).content()),
            ": key \"general.alignment\": expected a power of two up to 1048576, found 24");
  EXPECT_NE(message_for(GgufWriter().tensor("w", Shape{2, 8}, 0, eight).content())
                .find(": tensor w: expected 64 bytes for f32 [2, 8] from 0 on within the 32 bytes"),
            std::string::npos);
  EXPECT_NE(message_for(GgufWriter().tensor("w", Shape{2, 48}, 8, eight).content())
                .find(": tensor w: expected rows of whole blocks of 32 elements, found q8_0 [2, "),
            std::string::npos);
  const std::int64_t large = std::int64_t{1} << 40;
  EXPECT_NE(message_for(GgufWriter().tensor("w", Shape{large, large}, 0, eight).content())
                .find(": tensor w: expected a size below 2^63 bytes"),
            std::string::npos);
  EXPECT_NE(message_for(GgufWriter().tensor("w", Shape{0}, 0, "").content())
                .find(": tensor w: expected sizes from 1 to 2^63 - 1"),
            std::string::npos);
  EXPECT_NE(
      message_for(
          GgufWriter().tensor("w", Shape{8}, 0, eight).tensor("w", Shape{8}, 0, eight).content())
          .find(": tensor w stands twice"),
      std::string::npos);
}

// The offset of the second tensor stands in the 8 bytes before the data.
TEST(Gguf, RefusesOverlapsAndMisalignment) {
  const std::string bytes(128, '\0');
  GgufWriter writer;
  writer.alignment(64).tensor("a", Shape{32}, 0, bytes).tensor("b", Shape{32}, 0, bytes);
  const std::string good = writer.content();
  ASSERT_EQ(message_for(good), "");
  const std::size_t second = good.rfind(bytes_of(std::uint64_t{128}));
  const auto moved = [&](std::uint64_t offset) {
    std::string content = good;
    content.replace(second, 8, bytes_of(offset));
    return message_for(content);
  };
  EXPECT_NE(moved(32).find(": tensor b: expected an offset that is a multiple of 64"),
            std::string::npos);
  EXPECT_NE(moved(64).find(": tensor b: expected to begin at byte offset"), std::string::npos);
  EXPECT_NE(moved(0).find("expected to begin at byte offset"), std::string::npos);
  EXPECT_NE(moved(192).find(": tensor b: expected 128 bytes"), std::string::npos);
  EXPECT_NE(moved(~std::uint64_t{63}).find(": tensor b: expected 128 bytes"), std::string::npos);
}

class SplitGguf : public testing::Test {
 protected:
  std::string part(std::uint32_t number, std::uint32_t count, const std::string& tensor) {
    GgufWriter writer;
    if (number == 0) writer.text("general.architecture", "llama");
    writer.u32("split.no", number).u32("split.count", count).u32("split.tensors.count", 2);
    return writer.tensor(tensor, Shape{2}, 0, floats({1, 2})).content();
  }
  std::filesystem::path write(const std::string& name, const std::string& content) {
    test::write_file(folder_.path() / name, content);
    return folder_.path() / name;
  }
  std::string refused(const std::filesystem::path& path) {
    const auto opened = open_gguf(path);
    return opened ? "" : opened.error().message.substr(folder_.path().string().size() + 1);
  }
  test::TemporaryFolder folder_;
};

TEST_F(SplitGguf, IsFollowed) {
  const auto first = write("m-00001-of-00002.gguf", part(0, 2, "a"));
  const auto second = write("m-00002-of-00002.gguf", part(1, 2, "b"));
  const auto opened = open_gguf(first);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->metadata.text("general.architecture").value(), "llama");
  ASSERT_EQ(opened->source->tensors().size(), 2U);
  EXPECT_EQ(opened->source->find("b")->file, second.string());
  EXPECT_EQ(
      refused(second),
      "m-00002-of-00002.gguf: this is part 2 of 2: expected the first, m-00001-of-00002.gguf");
}

TEST_F(SplitGguf, RefusesMissingAndForeignParts) {
  const auto first = write("m-00001-of-00002.gguf", part(0, 2, "a"));
  EXPECT_EQ(refused(first),
            "m-00002-of-00002.gguf: expected part 2 of 2 of m-00001-of-00002.gguf, found no such "
            "file");
  write("m-00002-of-00002.gguf", part(1, 3, "b"));
  EXPECT_EQ(refused(first), "m-00002-of-00002.gguf: expected part 2 of 2, found part 2 of 3");
  write("m-00002-of-00002.gguf", part(1, 2, "a"));
  EXPECT_EQ(refused(first), "m-00002-of-00002.gguf: tensor a stands in an earlier part as well");
  EXPECT_EQ(refused(write("renamed.gguf", part(0, 2, "a"))),
            "renamed.gguf: part 1 of 2: expected a name that ends in -00001-of-00002.gguf, by "
            "which the other parts are found");
  EXPECT_NE(refused(write("x-00001-of-00001.gguf",
                          GgufWriter().u32("split.no", 2).u32("split.count", 2).content()))
                .find("expected \"split.count\" from 1 to 65535 and \"split.no\" below it"),
            std::string::npos);
}

}  // namespace
}  // namespace tepui

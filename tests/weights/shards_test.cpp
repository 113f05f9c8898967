// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "support/paths.h"
#include "support/safetensors_writer.h"
#include "weights/source.h"

namespace tepui {
namespace {

using test::SafetensorsTensor;

constexpr const char* kIndex = "model.safetensors.index.json";
constexpr const char* kFirst = "model-00001-of-00002.safetensors";
constexpr const char* kSecond = "model-00002-of-00002.safetensors";

SafetensorsTensor tensor_of(const std::string& text) {
  return {DType::u8, Shape{static_cast<std::int64_t>(text.size())}, text};
}

class Shards : public testing::Test {
 protected:
  Shards() {
    test::write_safetensors(folder_.path() / kFirst,
                            {{"b", tensor_of("bb")}, {"d", tensor_of("dddd")}});
    test::write_safetensors(folder_.path() / kSecond,
                            {{"a", tensor_of("a")}, {"c", tensor_of("ccc")}});
    index(R"({"metadata":{"total_size":10},"weight_map":{"a":"model-00002-of-00002.safetensors",)"
          R"("b":"model-00001-of-00002.safetensors","c":"model-00002-of-00002.safetensors",)"
          R"("d":"model-00001-of-00002.safetensors"}})");
  }

  void index(const std::string& text) { test::write_file(folder_.path() / kIndex, text); }

  void expect_error(const std::vector<std::string>& parts) {
    const auto source = open_safetensors(folder_.path());
    ASSERT_FALSE(source);
    const std::string& message = source.error().message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    for (const std::string& part : parts)
      EXPECT_NE(message.find(part), std::string::npos) << part << " | " << message;
  }

  test::TemporaryFolder folder_;
};

TEST_F(Shards, AreOneSource) {
  const auto source = open_safetensors(folder_.path());
  ASSERT_TRUE(source) << source.error().message;
  std::string names;
  for (const TensorRef& tensor : (*source)->tensors()) {
    names += tensor.name;
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()),
              std::string(static_cast<std::size_t>(tensor.name[0] - 'a' + 1), tensor.name[0]));
  }
  EXPECT_EQ(names, "abcd");
  EXPECT_EQ((*source)->find("a")->file, (folder_.path() / kSecond).string());
}

TEST_F(Shards, TheWholeFileGoesBeforeTheIndex) {
  test::write_safetensors(folder_.path() / "model.safetensors", {{"whole", tensor_of("w")}});
  const auto source = open_safetensors(folder_.path());
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_EQ((*source)->tensors().size(), 1U);
}

TEST_F(Shards, MissingShard) {
  std::filesystem::remove(folder_.path() / kSecond);
  expect_error({kSecond, kIndex, "found no such file"});
}

TEST_F(Shards, TensorMissingFromItsShard) {
  test::write_safetensors(folder_.path() / kSecond, {{"a", tensor_of("a")}});
  expect_error({kSecond, "expected tensor c", "found none"});
}

TEST_F(Shards, TensorInAnotherShardThanTheIndexSays) {
  test::write_safetensors(folder_.path() / kSecond,
                          {{"a", tensor_of("a")}, {"b", tensor_of("bb")}, {"c", tensor_of("c")}});
  expect_error({kSecond, "tensor b", kFirst});
}

TEST_F(Shards, TensorThatTheIndexDoesNotName) {
  test::write_safetensors(folder_.path() / kSecond,
                          {{"a", tensor_of("a")}, {"c", tensor_of("c")}, {"e", tensor_of("e")}});
  expect_error({kSecond, "tensor e", "missing from the index"});
}

TEST_F(Shards, BrokenShardIsNamed) {
  test::write_file(folder_.path() / kSecond, "123");
  expect_error({kSecond, "byte offset 0", "found 3"});
}

TEST_F(Shards, NamesThatLeadElsewhere) {
  for (const char* shard : {"../x.safetensors", "/etc/passwd", "a/b.safetensors", "..", "", ".",
                            R"(a\\b)", R"(x\u0000y)"}) {
    index(std::string(R"({"weight_map":{"a":")") + shard + R"("}})");
    expect_error({kIndex, "tensor a", "plain name"});
  }
  index(R"({"weight_map":{"a":7}})");
  expect_error({kIndex, "tensor a", "plain name", "found 7"});
}

TEST_F(Shards, BrokenIndex) {
  for (const char* text : {"[]", "7", "{}", R"({"weight_map":7})", R"({"weight_map":{}})"}) {
    index(text);
    expect_error({kIndex, "weight_map", "found none"});
  }
  index("");
  expect_error({kIndex, "syntax error at byte offset 0"});
  index(R"({"weight_map":{"a":"x","a":"y"}})");
  expect_error({kIndex, "\"a\" twice"});
  index("version https://git-lfs.github.com/spec/v1\n");
  expect_error({kIndex, "git-lfs pointer"});
}

TEST_F(Shards, GitLfsPointerInsteadOfAShard) {
  test::write_file(folder_.path() / kFirst, "version https://git-lfs.github.com/spec/v1\noid x\n");
  expect_error({kFirst, "git-lfs pointer"});
}

TEST_F(Shards, FolderWithoutWeights) {
  std::filesystem::remove(folder_.path() / kIndex);
  expect_error({folder_.path().string(), "expected model.safetensors", kIndex, "found neither"});
}

TEST_F(Shards, NothingThere) {
  const auto source = open_safetensors(folder_.path() / "absent");
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().kind, ErrorKind::io);
  EXPECT_NE(source.error().message.find("absent"), std::string::npos);
}

}  // namespace
}  // namespace tepui

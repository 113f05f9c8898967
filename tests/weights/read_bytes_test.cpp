// SPDX-License-Identifier: MIT
// What is streamed comes from the file: not from pages that were mapped, and not from behind its
// end when somebody cut it short.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "support/paths.h"
#include "support/safetensors_writer.h"
#include "weights/read_bytes.h"
#include "weights/source.h"

namespace tepui {
namespace {

using test::TemporaryFolder;

std::unique_ptr<WeightSource> model_of(const TemporaryFolder& folder, std::size_t floats) {
  const std::string ones(floats * sizeof(float), '\0');
  const auto count = static_cast<std::int64_t>(floats);
  test::write_safetensors(
      folder.path() / "model.safetensors",
      {{"a", {DType::f32, Shape{count}, ones}}, {"b", {DType::f32, Shape{count}, ones}}});
  auto source = open_safetensors(folder.path());
  EXPECT_TRUE(source) << source.error().message;
  return std::move(*source);
}

TEST(ReadBytes, AFileCutShortIsAnErrorThatSaysWhere) {
  const TemporaryFolder folder;
  const auto source = model_of(folder, 100'000);
  const auto file = folder.path() / "model.safetensors";
  const TensorRef& last = *source->find("b");
  std::vector<std::byte> buffer(last.bytes.size());
  EXPECT_TRUE(read_bytes(last, 0, buffer));
  EXPECT_TRUE(check_length(last));
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 300'000);
  ThreadPool pool(2);
  const std::string errors[] = {
      read_bytes(last, 0, buffer).error().message, check_length(last).error().message,
      check_finite(last, pool).error().message, fingerprint(*source, pool).error().message};
  for (const std::string& error : errors) {
    EXPECT_NE(error.find("model.safetensors: tensor b: expected 400000 bytes"), std::string::npos)
        << error;
    EXPECT_NE(error.find("found the file cut short"), std::string::npos) << error;
  }
  EXPECT_TRUE(read_bytes(*source->find("a"), 0, buffer));
}

TEST(ReadBytes, ARemovedFileIsReadToTheEnd) {
  const TemporaryFolder folder;
  const auto source = model_of(folder, 1000);
  std::filesystem::remove(folder.path() / "model.safetensors");
  ThreadPool pool(1);
  EXPECT_TRUE(fingerprint(*source, pool));
}

TEST(RememberedFingerprint, OfALargeModelIsThatOfItsBytes) {
  const TemporaryFolder folder;
  const TemporaryFolder cache;
  ::setenv("TEPUI_CACHE_DIR", cache.path().c_str(), 1);
  // A hole: it takes no room.
  const std::string header =
      R"({"a":{"dtype":"F32","shape":[268435456],"data_offsets":[0,1073741824]}})";
  const auto file = folder.path() / "model.safetensors";
  {
    std::ofstream stream(file, std::ios::binary);
    const std::uint64_t length = header.size();
    stream.write(reinterpret_cast<const char*>(&length), sizeof(length));
    stream << header;
  }
  std::filesystem::resize_file(file, 8 + header.size() + 1'073'741'824U);
  ThreadPool pool(2);
  int read = 0;
  const auto count = [&](std::uint64_t bytes) {
    EXPECT_EQ(bytes, 1'073'741'824U);
    ++read;
  };
  const auto value = [&] {
    const auto source = open_safetensors(folder.path());
    return remembered_fingerprint(**source, pool, count).value();
  };
  const std::string fresh = value();
  EXPECT_EQ(read, 1);
  EXPECT_FALSE(std::filesystem::exists(cache.path() / "fingerprints")) << "it changed just now";
  std::this_thread::sleep_for(std::chrono::milliseconds(3100));
  EXPECT_EQ(value(), fresh);
  EXPECT_EQ(read, 2);
  EXPECT_EQ(value(), fresh);
  EXPECT_EQ(read, 2) << "it is remembered";
  {
    std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
    stream.seekp(500'000'000);
    stream.put('\1');
  }
  EXPECT_NE(value(), fresh) << "one byte changed";
  EXPECT_EQ(read, 3);
  ::unsetenv("TEPUI_CACHE_DIR");
}

}  // namespace
}  // namespace tepui

// SPDX-License-Identifier: MIT
// Valid files with seeded random damage: an error or a source whose every byte can be read, never a
// crash. Sanitizer builds make this strict.
#include <gtest/gtest.h>

#include <random>

#include "base/mapped_file.h"
#include "support/gguf_writer.h"
#include "support/paths.h"
#include "support/safetensors_writer.h"
#include "weights/gguf.h"
#include "weights/source.h"

namespace tepui {
namespace {

using Random = std::mt19937;

// Cuts the end off, flips bits, overwrites, or copies a stretch to elsewhere.
std::string damaged(std::string content, std::size_t reach, Random& random) {
  const std::size_t kind = random() % 5;
  if (kind == 0) return content.substr(0, random() % (content.size() + 1));
  const std::size_t changes = 1 + random() % 4;
  for (std::size_t change = 0; change < changes; ++change) {
    const std::size_t at = random() % std::min(reach, content.size());
    if (kind == 1) content[at] = static_cast<char>(content[at] ^ (1 << (random() % 8)));
    if (kind == 2) content[at] = static_cast<char>(random());
    if (kind == 3) content[at] = "0123456789[]{},:\"-e"[random() % 19];
    if (kind == 4) content.insert(at, content.substr(random() % content.size(), random() % 40));
  }
  return content;
}

// Reads all that the source claims to have.
void read_all(const WeightSource& source) {
  ThreadPool pool(1);
  EXPECT_EQ(fingerprint(source, pool).value().size(), 32U);
  for (const TensorRef& tensor : source.tensors()) {
    EXPECT_EQ(tensor.bytes.size(), tensor.type.bytes());
    const Status status = check_finite(tensor, pool);
    EXPECT_TRUE(status || status.error().message.find("element") != std::string::npos);
  }
}

struct Tally {
  int opened = 0;
  int refused = 0;

  template <class Opened>
  void count(const Opened& result) {
    ++(result ? opened : refused);
    if (!result) {
      EXPECT_FALSE(result.error().message.empty());
      EXPECT_EQ(result.error().message.find('\n'), std::string::npos) << result.error().message;
    }
  }
};

test::SafetensorsTensors sample() {
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  return {{"model.norm.weight", test::float_tensor(DType::bf16, Shape{6}, values)},
          {"wte.weight", test::float_tensor(DType::f32, Shape{2, 3}, values)},
          {"h.0.attn.bias", {DType::u8, Shape{1, 1, 2, 2}, "abcd"}},
          {"h.0.count", {DType::i64, Shape{}, "12345678"}}};
}

TEST(RandomDamage, Safetensors) {
  Random random(1);
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "model.safetensors";
  const std::string good = test::safetensors_content(sample());
  Tally tally;
  for (int round = 0; round < 600; ++round) {
    test::write_file(path, damaged(good, good.size(), random));
    const auto source = open_safetensors(path);
    tally.count(source);
    if (source) read_all(**source);
  }
  EXPECT_GT(tally.refused, 250);
  EXPECT_GT(tally.opened, 25);  // damage to the data alone
}

TEST(RandomDamage, EveryTruncation) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "model.safetensors";
  const std::string good = test::safetensors_content(sample());
  for (std::size_t length = 0; length < good.size(); ++length) {
    test::write_file(path, good.substr(0, length));
    EXPECT_FALSE(open_safetensors(path)) << length;
  }
}

TEST(RandomDamage, Index) {
  Random random(2);
  const test::TemporaryFolder folder;
  test::write_safetensors(folder.path() / "x.safetensors", sample());
  const auto path = folder.path() / "model.safetensors.index.json";
  const std::string good =
      R"({"metadata":{"total_size":48},"weight_map":{"h.0.attn.bias":"x.safetensors",)"
      R"("h.0.count":"x.safetensors","model.norm.weight":"x.safetensors",)"
      R"("wte.weight":"x.safetensors"}})";
  Tally tally;
  for (int round = 0; round < 400; ++round) {
    test::write_file(path, damaged(good, good.size(), random));
    const auto source = open_safetensors(folder.path());
    tally.count(source);
    if (source) read_all(**source);
  }
  EXPECT_GT(tally.refused, 150);
  EXPECT_GT(tally.opened, 5);  // damage to the metadata alone
}

TEST(RandomDamage, Llama2c) {
  Random random(3);
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "model.bin";
  std::string good;
  for (const int field : {8, 6, 1, 4, 2, 3, 5}) {
    for (int byte = 0; byte < 4; ++byte) good += static_cast<char>(field >> (8 * byte));
  }
  good.resize(28 + 4 * (24 + 352 + 8 + 10), '\0');
  test::write_file(path, good);
  ASSERT_TRUE(open_llama2c(path));
  Tally tally;
  for (int round = 0; round < 400; ++round) {
    test::write_file(path, damaged(good, round % 2 == 0 ? 28 : good.size(), random));
    const auto model = open_llama2c(path);
    tally.count(model);
    if (model) read_all(*model->source);
  }
  EXPECT_GT(tally.refused, 150);
  EXPECT_GT(tally.opened, 25);
}

// Every kind of value, and tensors of several types.
std::string gguf_sample() {
  test::GgufWriter writer;
  writer.text("general.architecture", "llama").u32("llama.block_count", 2).f32("eps", 1e-5F);
  writer.boolean("flag", true).texts("tokens", {"a", "bc", ""}).floats("scores", {1, 2, 3});
  writer.ints("types", {1, 2});
  writer.tensor("norm", Shape{6}, 30, std::string(12, '\1'));
  writer.tensor("q8", Shape{2, 32}, 8, std::string(68, '\2'));
  writer.tensor("q6", Shape{1, 256}, 14, std::string(210, '\3'));
  writer.tensor("f", Shape{2, 3}, 0, std::string(24, '\4'));
  return writer.content();
}

TEST(RandomDamage, Gguf) {
  Random random(4);
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "m.gguf";
  const std::string good = gguf_sample();
  test::write_file(path, good);
  ASSERT_TRUE(open_gguf(path));
  Tally tally;
  for (int round = 0; round < 800; ++round) {
    test::write_file(path, damaged(good, good.size(), random));
    const auto opened = open_gguf(path);
    tally.count(opened);
    if (!opened) continue;
    read_all(*opened->source);
    for (const auto& [key, value] : opened->metadata.values()) {
      EXPECT_FALSE(opened->metadata.shown(key).empty());
      EXPECT_TRUE(opened->metadata.texts(key) || value.count > 0);
    }
  }
  EXPECT_GT(tally.refused, 250);
  EXPECT_GT(tally.opened, 100);
}

TEST(RandomDamage, EveryTruncationOfGguf) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "m.gguf";
  const std::string good = gguf_sample();
  const std::size_t end = good.find_last_not_of('\0') + 1;  // padding may be missing
  for (std::size_t length = 0; length < end; ++length) {
    test::write_file(path, good.substr(0, length));
    EXPECT_FALSE(open_gguf(path)) << length;
  }
}

}  // namespace
}  // namespace tepui

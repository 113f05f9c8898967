// SPDX-License-Identifier: MIT
// nanoGPT's checkpoints: what is read, and that neither damage nor malice gets anywhere.
#include "weights/nanogpt.h"

#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "base/mapped_file.h"
#include "support/paths.h"

namespace tepui {
namespace {

using test::data_path;

class NanoGpt : public testing::Test {
 protected:
  std::filesystem::path write(const std::string& bytes) {
    const auto file = folder_.path() / "ckpt.pt";
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }
  std::string error_of(const std::string& bytes) {
    const auto model = open_nanogpt(write(bytes));
    EXPECT_FALSE(model);
    return model ? "" : model.error().message;
  }
  test::TemporaryFolder folder_;
};

void put(std::string& to, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to += i < 8 ? static_cast<char>(value >> (8 * i)) : '\0';
}

// A zip archive of one uncompressed entry.
std::string zip_of(const std::string& name, const std::string& content, int method = 0) {
  const auto common = [&](std::string& to) {
    put(to, 0, 2);
    put(to, static_cast<std::uint64_t>(method), 2);
    put(to, 0, 8);  // time and checksum
    put(to, content.size(), 4);
    put(to, content.size(), 4);
    put(to, name.size(), 2);
    put(to, 0, 2);
  };
  std::string out;
  put(out, 0x04034b50, 4);
  put(out, 20, 2);
  common(out);
  out += name + content;
  const std::size_t directory = out.size();
  put(out, 0x02014b50, 4);
  put(out, 20, 2);
  put(out, 20, 2);
  common(out);
  put(out, 0, 10);
  put(out, 0, 4);  // where the entry begins
  out += name;
  const std::size_t size = out.size() - directory;
  put(out, 0x06054b50, 4);
  put(out, 0, 4);
  put(out, 1, 2);
  put(out, 1, 2);
  put(out, size, 4);
  put(out, directory, 4);
  put(out, 0, 2);
  return out;
}

std::string pickled(const std::string& program) {
  return zip_of("ckpt/data.pkl", std::string("\x80\x02", 2) + program);
}

TEST_F(NanoGpt, ReadsSizesAndTensors) {
  const auto model = open_nanogpt(data_path("golden/nanogpt-no-bias/ckpt.pt"));
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->args.layers, 2);
  EXPECT_EQ(model->args.width, 32);
  EXPECT_EQ(model->args.context, 16);
  EXPECT_EQ(model->args.vocabulary, 48);
  EXPECT_FALSE(model->args.bias);
  const TensorRef* fused = model->source->find("transformer.h.1.attn.c_attn.weight");
  ASSERT_NE(fused, nullptr);
  EXPECT_EQ(fused->type, (TensorType{DType::f32, Shape{96, 32}}));
  EXPECT_EQ(model->source->find("transformer.h.1.attn.c_attn.bias"), nullptr);
}

// A pickle may ask for any function of Python; here none but those of tensors exists.
TEST_F(NanoGpt, ExecutesNothing) {
  const std::string call("cos\nsystem\nX\x04\0\0\0echo\x85R.", 24);
  EXPECT_NE(
      error_of(pickled(call)).find("found a reference to os.system; nothing of it was executed"),
      std::string::npos)
      << error_of(pickled(call));
  EXPECT_NE(error_of(pickled("c__builtin__\neval\n.")).find("__builtin__.eval"), std::string::npos);
  // Objects made otherwise, and calls of what is no function.
  EXPECT_NE(error_of(pickled("}}\x81.")).find("opcode 0x81"), std::string::npos);
  EXPECT_NE(error_of(pickled("})R.")).find("expected a tensor or a dictionary"), std::string::npos);
}

TEST_F(NanoGpt, WhatIsNoCheckpointIsNamed) {
  EXPECT_NE(error_of("hello").find("expected a zip archive"), std::string::npos);
  EXPECT_NE(error_of(zip_of("readme", "x")).find("entry data.pkl"), std::string::npos);
  EXPECT_NE(error_of(zip_of("ckpt/data.pkl", "x", 8)).find("neither compressed nor encrypted"),
            std::string::npos);
  EXPECT_NE(error_of(pickled("}.")).find("expected a nanoGPT checkpoint with \"model_args\""),
            std::string::npos);
  EXPECT_NE(error_of(pickled("N.")).find("model_args"), std::string::npos);
  for (const char* program : {"", "t.", "u.", "R.", "h\x05.", "(", "a.", "s.", "K", "X\xff\xff"})
    EXPECT_NE(error_of(pickled(program)), "") << program;
  const std::string args("}X\x0a\0\0\0model_args}X\x07\0\0\0n_layerJ\xff\xff\xff\xffss.", 37);
  EXPECT_NE(
      error_of(pickled(args)).find("\"n_layer\": expected a whole number from 1 to 268435456"),
      std::string::npos)
      << error_of(pickled(args));
}

TEST_F(NanoGpt, NoDamageCrashes) {
  const std::string good = read_file(data_path("golden/nanogpt/ckpt.pt")).value();
  EXPECT_TRUE(open_nanogpt(write(good)));
  for (std::size_t size = 0; size < good.size(); size += 997)
    EXPECT_FALSE(open_nanogpt(write(good.substr(0, size)))) << size;
  std::mt19937 random(5);
  int refused = 0;
  // Pickle and directory stand at the ends; damage there is what can mislead.
  for (int round = 0; round < 1500; ++round) {
    std::string bad = good;
    for (int flips = 1 + static_cast<int>(random() % 4); flips > 0; --flips) {
      const std::size_t near = random() % 6000;
      const std::size_t at = random() % 2 == 0 ? near : good.size() - 1 - near;
      bad[at] = static_cast<char>(random());
    }
    const auto model = open_nanogpt(write(bad));
    if (model) continue;
    ++refused;
    for (const char c : model.error().message)
      EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20) << model.error().message;
  }
  EXPECT_GT(refused, 300);
}

}  // namespace
}  // namespace tepui

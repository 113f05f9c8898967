// SPDX-License-Identifier: MIT
// Folders of pickled weights (tools/make_torch.py): the tensors of the safetensors that they were
// made from, and nothing but a message where they are damaged or ask for something.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "base/mapped_file.h"
#include "models/model.h"
#include "support/paths.h"
#include "weights/folder.h"

namespace tepui {
namespace {

using test::data_path;
namespace fs = std::filesystem;

std::unique_ptr<WeightSource> good(const fs::path& folder) {
  auto found = open_weight_folder(folder);
  EXPECT_TRUE(found) << found.error().message;
  return found ? std::move(found->source) : nullptr;
}

std::string error_of(const fs::path& folder) {
  const auto source = open_weight_folder(folder);
  EXPECT_FALSE(source);
  return source ? "" : source.error().message;
}

bool same(const TensorRef& a, const TensorRef& b) {
  return a.type == b.type && std::ranges::equal(a.bytes, b.bytes);
}

// All of the golden folder's tensors; returns how many others there are.
std::size_t expect_tensors_of(const std::string& name) {
  const auto torch = good(data_path("torch/" + name));
  const auto golden = good(data_path("golden/" + name));
  if (torch == nullptr || golden == nullptr) return 0;
  EXPECT_GT(golden->tensors().size(), 20U);
  for (const TensorRef& tensor : golden->tensors()) {
    const TensorRef* found = torch->find(tensor.name);
    EXPECT_TRUE(found != nullptr && same(*found, tensor)) << tensor.name;
  }
  return torch->tensors().size() - golden->tensors().size();
}

TEST(TorchWeights, AreThoseOfTheSafetensors) {
  EXPECT_EQ(open_weight_folder(data_path("torch/gptj")).value().container, "torch");
  EXPECT_EQ(open_weight_folder(data_path("golden/gptj")).value().container, "safetensors");
  EXPECT_EQ(expect_tensors_of("gptj"), 4U);  // masks and their fillers
  EXPECT_EQ(expect_tensors_of("opt"), 1U);   // the tied head
  const auto opt = good(data_path("torch/opt"));
  const TensorRef* head = opt->find("lm_head.weight");
  ASSERT_NE(head, nullptr);
  EXPECT_TRUE(same(*head, *opt->find("model.decoder.embed_tokens.weight")));
}

TEST(TorchWeights, ModelsOpenAndLeaveNothingUnused) {
  for (const char* name : {"gptj", "opt"}) {
    const auto model = open_model(data_path(std::string("torch/") + name));
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->container, "torch");
    EXPECT_TRUE(model->unused.empty()) << model->unused.front();
  }
}

class TorchFolder : public testing::Test {
 protected:
  fs::path copy(const std::string& name) {
    const fs::path to = folder_.path() / name;
    fs::copy(data_path("torch/" + name), to);
    return to;
  }
  static void write(const fs::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
  }
  test::TemporaryFolder folder_;
};

// Safetensors are taken where both are, as hubs have it.
TEST_F(TorchFolder, SafetensorsGoFirst) {
  const fs::path folder = copy("gptj");
  fs::copy(data_path("golden/gptj/model.safetensors"), folder / "model.safetensors");
  EXPECT_EQ(open_weight_folder(folder).value().container, "safetensors");
  EXPECT_EQ(good(folder)->find("transformer.h.0.attn.bias"), nullptr);
}

TEST_F(TorchFolder, ShardsAreHeldToTheirIndex) {
  const fs::path folder = copy("opt");
  const fs::path index = folder / "pytorch_model.bin.index.json";
  auto json = nlohmann::json::parse(read_file(index).value());
  json["weight_map"]["model.decoder.extra"] = "pytorch_model-00001-of-00002.bin";
  write(index, json.dump());
  EXPECT_NE(error_of(folder).find("expected tensor model.decoder.extra"), std::string::npos);
  fs::remove(folder / "pytorch_model-00002-of-00002.bin");
  json["weight_map"].erase("model.decoder.extra");
  write(index, json.dump());
  const std::string message = error_of(folder);
  EXPECT_NE(message.find("pytorch_model-00002-of-00002.bin"), std::string::npos) << message;
  EXPECT_NE(message.find("pytorch_model.bin.index.json"), std::string::npos) << message;
}

// The format before torch 1.6 is a row of pickles.
TEST_F(TorchFolder, WhatIsNoArchiveIsNamed) {
  const fs::path folder = copy("gptj");
  write(folder / "pytorch_model.bin", std::string("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9", 9));
  const std::string message = error_of(folder);
  EXPECT_NE(message.find("pytorch_model.bin"), std::string::npos) << message;
  EXPECT_NE(message.find("torch before 1.6"), std::string::npos) << message;
}

TEST_F(TorchFolder, NoDamageCrashes) {
  const fs::path folder = copy("gptj");
  const fs::path file = folder / "pytorch_model.bin";
  const std::string whole = read_file(file).value();
  for (std::size_t size = 0; size < whole.size(); size += 997) {
    write(file, whole.substr(0, size));
    EXPECT_FALSE(open_weight_folder(folder)) << size;
  }
  std::mt19937 random(11);
  int refused = 0;
  // Pickle and directory stand at the ends.
  for (int round = 0; round < 1000; ++round) {
    std::string bad = whole;
    const std::size_t near = random() % 5000;
    bad[random() % 2 == 0 ? near : bad.size() - 1 - near] = static_cast<char>(random());
    write(file, bad);
    const auto source = open_weight_folder(folder);
    if (source) continue;
    ++refused;
    for (const char c : source.error().message)
      EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20) << source.error().message;
  }
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace tepui

// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <limits>
#include <map>

#include "support/paths.h"
#include "weights/source.h"

namespace tepui {
namespace {

using Header = std::array<std::int32_t, 7>;

// dim 8, hidden 6, 2 layers, 4 heads of 2, 2 kv heads, 3 tokens, context 5
constexpr Header kTied = {8, 6, 2, 4, 2, 3, 5};
constexpr Header kUntied = {8, 6, 2, 4, 2, -3, 5};

// Counted by hand: embedding 24; per layer 8 + 64 + 32 + 32 + 64 + 8 + 48 + 48 + 48 = 352, twice;
// last norm 8; rotary tables 5 x 2 = 10.
constexpr int kTiedFloats = 24 + 2 * 352 + 8 + 10;

// The float at index i of the file's body is i.
std::string content(const Header& header, int floats) {
  std::string bytes(sizeof(Header) + sizeof(float) * static_cast<std::size_t>(floats), '\0');
  std::memcpy(bytes.data(), header.data(), sizeof(Header));
  for (int index = 0; index < floats; ++index) {
    const auto value = static_cast<float>(index);
    std::memcpy(bytes.data() + sizeof(Header) + sizeof(float) * static_cast<std::size_t>(index),
                &value, sizeof(value));
  }
  return bytes;
}

class Llama2c : public testing::Test {
 protected:
  Result<Llama2cModel> open(const std::string& bytes) {
    path_ = folder_.path() / "model.bin";
    test::write_file(path_, bytes);
    return open_llama2c(path_);
  }

  void expect_error(const std::string& bytes, const std::vector<std::string>& parts) {
    const auto model = open(bytes);
    ASSERT_FALSE(model);
    const std::string& message = model.error().message;
    EXPECT_EQ(message.rfind(path_.string() + ": ", 0), 0U) << message;
    for (const std::string& part : parts)
      EXPECT_NE(message.find(part), std::string::npos) << part << " | " << message;
  }

  test::TemporaryFolder folder_;
  std::filesystem::path path_;
};

struct Wanted {
  Shape shape;
  int first;  // float of the body
};

// Where each tensor begins follows from the order of the arrays, each over all layers.
std::map<std::string, Wanted> wanted_tied() {
  const int layers_end = 24 + 2 * 352;
  return {
      {"model.embed_tokens.weight", {Shape{3, 8}, 0}},
      {"model.layers.0.input_layernorm.weight", {Shape{8}, 24}},
      {"model.layers.1.input_layernorm.weight", {Shape{8}, 32}},
      {"model.layers.0.self_attn.q_proj.weight", {Shape{8, 8}, 40}},
      {"model.layers.1.self_attn.q_proj.weight", {Shape{8, 8}, 104}},
      {"model.layers.0.self_attn.k_proj.weight", {Shape{4, 8}, 168}},
      {"model.layers.1.self_attn.k_proj.weight", {Shape{4, 8}, 200}},
      {"model.layers.0.self_attn.v_proj.weight", {Shape{4, 8}, 232}},
      {"model.layers.1.self_attn.v_proj.weight", {Shape{4, 8}, 264}},
      {"model.layers.0.self_attn.o_proj.weight", {Shape{8, 8}, 296}},
      {"model.layers.1.self_attn.o_proj.weight", {Shape{8, 8}, 360}},
      {"model.layers.0.post_attention_layernorm.weight", {Shape{8}, 424}},
      {"model.layers.1.post_attention_layernorm.weight", {Shape{8}, 432}},
      {"model.layers.0.mlp.gate_proj.weight", {Shape{6, 8}, 440}},
      {"model.layers.1.mlp.gate_proj.weight", {Shape{6, 8}, 488}},
      {"model.layers.0.mlp.down_proj.weight", {Shape{8, 6}, 536}},
      {"model.layers.1.mlp.down_proj.weight", {Shape{8, 6}, 584}},
      {"model.layers.0.mlp.up_proj.weight", {Shape{6, 8}, 632}},
      {"model.layers.1.mlp.up_proj.weight", {Shape{6, 8}, 680}},
      {"model.norm.weight", {Shape{8}, layers_end}},
  };
}

void expect_tensors(const Llama2cModel& model, const std::map<std::string, Wanted>& wanted) {
  EXPECT_EQ(model.source->tensors().size(), wanted.size());
  for (const auto& [name, tensor] : wanted) {
    const TensorRef* found = model.source->find(name);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_EQ(found->type, (TensorType{DType::f32, tensor.shape})) << name;
    const HostView view{found->type, found->bytes};
    EXPECT_EQ(view.at(0), tensor.first) << name;
    const std::int64_t last = tensor.shape.elements() - 1;
    EXPECT_EQ(view.at(last), static_cast<double>(tensor.first + last)) << name;
    EXPECT_EQ(found->offset, 28U + 4U * static_cast<std::uint64_t>(tensor.first)) << name;
  }
}

TEST_F(Llama2c, ReadsATiedModel) {
  const auto model = open(content(kTied, kTiedFloats));
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_TRUE(model->header.tied);
  EXPECT_EQ(model->header.dim, 8);
  EXPECT_EQ(model->header.hidden_dim, 6);
  EXPECT_EQ(model->header.layers, 2);
  EXPECT_EQ(model->header.heads, 4);
  EXPECT_EQ(model->header.kv_heads, 2);
  EXPECT_EQ(model->header.vocabulary, 3);
  EXPECT_EQ(model->header.context, 5);
  expect_tensors(*model, wanted_tied());
}

TEST_F(Llama2c, ReadsAnUntiedModel) {
  const auto model = open(content(kUntied, kTiedFloats + 24));
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_FALSE(model->header.tied);
  EXPECT_EQ(model->header.vocabulary, 3);
  auto wanted = wanted_tied();
  wanted["lm_head.weight"] = {Shape{3, 8}, kTiedFloats};
  expect_tensors(*model, wanted);
}

TEST_F(Llama2c, SizeMustMatchTheHeader) {
  const std::string size = std::to_string(28 + 4 * kTiedFloats);
  expect_error(content(kTied, kTiedFloats - 1), {"expected " + size + " bytes", "dim 8"});
  expect_error(content(kTied, kTiedFloats) + "x", {"expected " + size + " bytes", "vocab_size 3"});
  expect_error(content(kUntied, kTiedFloats), {"vocab_size 3 (untied)"});
  expect_error("123", {"28 bytes of llama2.c header at byte offset 0", "found 3"});
  expect_error("", {"28 bytes of llama2.c header", "found 0"});
}

TEST_F(Llama2c, AbsurdHeaders) {
  constexpr std::array<const char*, 7> kNames = {"dim",        "hidden_dim", "n_layers", "n_heads",
                                                 "n_kv_heads", "vocab_size", "seq_len"};
  for (std::size_t field = 0; field < 7; ++field) {
    for (const std::int32_t value : {0, -1, std::numeric_limits<std::int32_t>::min()}) {
      if (field == 5 && value == -1) continue;  // one token and a head of its own
      Header header = kTied;
      header[field] = value;
      expect_error(content(header, kTiedFloats),
                   {std::string("expected ") + kNames[field] + " above 0 at byte offset " +
                        std::to_string(4 * field),
                    "found " + std::to_string(value)});
    }
  }
  expect_error(content({8, 6, 2, 3, 1, 3, 5}, 10), {"n_heads that divides dim 8", "offset 12"});
  expect_error(content({8, 6, 2, 8, 1, 3, 5}, 10), {"heads of even size", "found 8"});
  expect_error(content({8, 6, 2, 4, 3, 3, 5}, 10),
               {"n_kv_heads that divides n_heads 4", "found 3"});
  constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
  expect_error(content({kMost - 1, kMost, kMost, 1, 1, kMost, kMost}, 10), {"more than 2^63"});
}

TEST_F(Llama2c, OtherFiles) {
  expect_error(content({0x616b3432, 1, 2, 4, 2, 3, 5}, 60), {"legacy version 0", "offset 0"});
  expect_error("version https://git-lfs.github.com/spec/v1\n", {"git-lfs pointer"});
  EXPECT_FALSE(open_llama2c(folder_.path() / "absent.bin"));
  EXPECT_FALSE(open_llama2c(folder_.path()));
}

TEST_F(Llama2c, ReadsStories260K) {
  const auto path = test::shared_path("data/stories260K/stories260K.bin");
  if (!path) GTEST_SKIP() << "no ../shared beside the checkout";
  const auto model = open_llama2c(*path);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->header.dim, 64);
  EXPECT_EQ(model->header.layers, 5);
  EXPECT_EQ(model->header.vocabulary, 512);
  EXPECT_TRUE(model->header.tied);
  EXPECT_EQ(model->source->tensors().size(), 2U + 9U * 5U);
  ThreadPool pool(2);
  for (const TensorRef& tensor : model->source->tensors())
    EXPECT_TRUE(check_finite(tensor, pool)) << tensor.name;
}

}  // namespace
}  // namespace tepui

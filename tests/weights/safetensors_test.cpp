// SPDX-License-Identifier: MIT
#include "support/safetensors_writer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/mapped_file.h"
#include "support/paths.h"
#include "weights/source.h"

namespace tepui {
namespace {

using test::safetensors_content;
using test::SafetensorsTensor;
using test::SafetensorsTensors;

TEST(Safetensors, ReadsEveryDtypeAndRank) {
  const test::TemporaryFolder folder;
  const std::string four(4, '\x01');
  const SafetensorsTensors written = {
      {"a.f64", {DType::f64, Shape{}, std::string(8, '\x3f')}},
      {"b.f32", {DType::f32, Shape{2, 1}, std::string(8, '\x3e')}},
      {"c.f16", {DType::f16, Shape{1, 2, 1}, four}},
      {"d.bf16", {DType::bf16, Shape{1, 1, 2, 1}, four}},
      {"e.i64", {DType::i64, Shape{1}, std::string(8, '\x02')}},
      {"f.i32", {DType::i32, Shape{1}, four}},
      {"g.u32", {DType::u32, Shape{1}, four}},
      {"h.u8", {DType::u8, Shape{3}, "xyz"}},
      {"i.empty", {DType::f32, Shape{0, 5}, ""}},
  };
  test::write_safetensors(folder.path() / "model.safetensors", written);
  const auto source = open_safetensors(folder.path());
  ASSERT_TRUE(source) << source.error().message;
  ASSERT_EQ((*source)->tensors().size(), written.size());
  std::string before;
  for (const TensorRef& tensor : (*source)->tensors()) {
    EXPECT_LT(before, tensor.name);
    before = tensor.name;
    const SafetensorsTensor& wanted = written.at(tensor.name);
    EXPECT_EQ(tensor.type, (TensorType{wanted.dtype, wanted.shape}));
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()),
              wanted.bytes);
    EXPECT_EQ((*source)->find(tensor.name), &tensor);
  }
  EXPECT_EQ((*source)->find("d"), nullptr);
  EXPECT_EQ((*source)->find("z"), nullptr);
  const TensorRef* last = (*source)->find("h.u8");
  const auto file = read_file(folder.path() / "model.safetensors");
  EXPECT_EQ(file->substr(last->offset, 3), "xyz");
}

TEST(Safetensors, ReadsUnalignedTensorsMetadataAndOneFileByItsName) {
  const test::TemporaryFolder folder;
  const std::vector<float> values = {1.5F, -2.25F};
  const SafetensorsTensor tensor = test::float_tensor(DType::f32, Shape{2}, values);
  test::write_file(
      folder.path() / "odd.safetensors",
      safetensors_content(R"({"__metadata__":{"format":"pt"},"b":{"dtype":"BOOL","shape":[1],)"
                          R"("data_offsets":[0,1]},"x":{"dtype":"F32","shape":[2],)"
                          R"("data_offsets":[1,9],"note":[1]}}   )",
                          "\1" + tensor.bytes));
  const auto source = open_safetensors(folder.path() / "odd.safetensors");
  ASSERT_TRUE(source) << source.error().message;
  ASSERT_EQ((*source)->tensors().size(), 2U);
  EXPECT_EQ((*source)->find("b")->type, (TensorType{DType::u8, Shape{1}}));
  const TensorRef* x = (*source)->find("x");
  const HostView view{x->type, x->bytes};
  EXPECT_EQ(view.at(0), 1.5);
  EXPECT_EQ(view.at(1), -2.25);
  ThreadPool pool(1);
  EXPECT_TRUE(check_finite(*x, pool));
}

// A sparse file of 6 GB: opening must not read it, and offsets must not be cut to 32 bits.
TEST(Safetensors, OpensAHugeFileAtOnce) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "model.safetensors";
  const std::string header =
      R"({"a":{"dtype":"F32","shape":[1500000000],"data_offsets":[0,6000000000]},)"
      R"("b":{"dtype":"U8","shape":[3],"data_offsets":[6000000000,6000000003]}})";
  test::write_file(path, safetensors_content(header, ""));
  std::error_code error;
  std::filesystem::resize_file(path, 8 + header.size() + 6'000'000'000U, error);
  if (error) GTEST_SKIP() << "no sparse files here: " << error.message();
  std::ofstream(path, std::ios::binary | std::ios::app) << "xyz";
  const auto start = std::chrono::steady_clock::now();
  const auto source = open_safetensors(path);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  ASSERT_TRUE(source) << source.error().message;
  const TensorRef* b = (*source)->find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->offset, 8 + header.size() + 6'000'000'000U);
  EXPECT_EQ(static_cast<char>(b->bytes[2]), 'z');
  const TensorRef* a = (*source)->find("a");
  EXPECT_EQ((HostView{a->type, a->bytes}.at(1'499'999'999)), 0);
}

TEST(Safetensors, AFileWithoutTensorsIsEmpty) {
  const test::TemporaryFolder folder;
  test::write_file(folder.path() / "model.safetensors", safetensors_content("{}", ""));
  const auto source = open_safetensors(folder.path());
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_TRUE((*source)->tensors().empty());
}

TEST(Safetensors, BundledModelHasTheTensorsThatItsConfigImplies) {
  const auto text = read_file(test::data_path("demo-model/config.json"));
  ASSERT_TRUE(text);
  const auto config = nlohmann::json::parse(*text);
  const auto source = open_safetensors(test::data_path("demo-model"));
  ASSERT_TRUE(source) << source.error().message;
  const std::int64_t dim = config["hidden_size"];
  const std::int64_t hidden = config["intermediate_size"];
  const std::int64_t heads = config["num_attention_heads"];
  const std::int64_t kv_heads = config["num_key_value_heads"];
  const std::int64_t head_dim = config["head_dim"];
  const std::int64_t vocabulary = config["vocab_size"];
  std::map<std::string, Shape> expected = {{"model.embed_tokens.weight", Shape{vocabulary, dim}},
                                           {"model.norm.weight", Shape{dim}},
                                           {"lm_head.weight", Shape{vocabulary, dim}}};
  for (int layer = 0; layer < config["num_hidden_layers"].get<int>(); ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    expected[prefix + "input_layernorm.weight"] = Shape{dim};
    expected[prefix + "post_attention_layernorm.weight"] = Shape{dim};
    expected[prefix + "self_attn.q_proj.weight"] = Shape{heads * head_dim, dim};
    expected[prefix + "self_attn.k_proj.weight"] = Shape{kv_heads * head_dim, dim};
    expected[prefix + "self_attn.v_proj.weight"] = Shape{kv_heads * head_dim, dim};
    expected[prefix + "self_attn.o_proj.weight"] = Shape{dim, heads * head_dim};
    expected[prefix + "mlp.gate_proj.weight"] = Shape{hidden, dim};
    expected[prefix + "mlp.up_proj.weight"] = Shape{hidden, dim};
    expected[prefix + "mlp.down_proj.weight"] = Shape{dim, hidden};
  }
  ThreadPool pool(2);
  EXPECT_EQ((*source)->tensors().size(), expected.size());
  for (const auto& [name, shape] : expected) {
    const TensorRef* tensor = (*source)->find(name);
    ASSERT_NE(tensor, nullptr) << name;
    EXPECT_EQ(tensor->type.shape, shape) << name;
    EXPECT_EQ(tensor->type.dtype, DType::bf16) << name;
    EXPECT_TRUE(check_finite(*tensor, pool)) << name;
  }
}

}  // namespace
}  // namespace tepui

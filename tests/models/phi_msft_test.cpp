// SPDX-License-Identifier: MIT
// Phi-2's first files: the golden model of architecture phi under the names, in the matrices and
// with the configuration that it was first published with. The numbers are the same, so the bits
// are.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/mapped_file.h"
#include "gguf/gguf_file.h"
#include "support/gguf_writer.h"
#include "support/paths.h"
#include "support/run_model.h"
#include "support/safetensors_writer.h"

namespace tepui::test {
namespace {

using nlohmann::json;

const std::vector<std::vector<TokenId>> kPhiSequences = {{1, 5, 9, 40, 33, 2, 17, 8}, {46, 7}};

json first_config() {
  return {{"model_type", "phi-msft"},
          {"architectures", {"PhiForCausalLM"}},
          {"activation_function", "gelu_new"},
          {"flash_attn", false},
          {"layer_norm_epsilon", 1e-5},
          {"n_embd", 32},
          {"n_head", 4},
          {"n_head_kv", nullptr},
          {"n_inner", 28},
          {"n_layer", 2},
          {"n_positions", 32},
          {"pad_vocab_size_multiple", 1},
          {"rotary_dim", 4},
          {"tie_word_embeddings", false},
          {"vocab_size", 48}};
}

const TensorRef& tensor(const Model& model, const std::string& name) {
  const TensorRef* found = model.source->find(name);
  EXPECT_NE(found, nullptr) << name;
  return *found;
}

std::string bytes_of(const TensorRef& tensor) {
  return {reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()};
}

// The tensors under their first names, q, k and v behind one another.
SafetensorsTensors first_tensors(const Model& model) {
  SafetensorsTensors out;
  const auto take = [&](const std::string& to, const std::string& from) {
    for (const std::string part : {".weight", ".bias"}) {
      if (part == ".bias" && to.ends_with("wte")) continue;
      const TensorRef& one = tensor(model, from + part);
      out[to + part] = {one.type.dtype, one.type.shape, bytes_of(one)};
    }
  };
  take("transformer.embd.wte", "model.embed_tokens");
  take("lm_head.ln", "model.final_layernorm");
  take("lm_head.linear", "lm_head");
  for (const std::string layer : {"0.", "1."}) {
    const std::string to = "transformer.h." + layer;
    const std::string from = "model.layers." + layer;
    take(to + "ln", from + "input_layernorm");
    take(to + "mixer.out_proj", from + "self_attn.dense");
    take(to + "mlp.fc1", from + "mlp.fc1");
    take(to + "mlp.fc2", from + "mlp.fc2");
    for (const std::string part : {".weight", ".bias"}) {
      std::string bytes;
      for (const std::string role : {"q", "k", "v"})
        bytes += bytes_of(tensor(model, from + "self_attn." + role + "_proj" + part));
      const Shape shape = part == ".bias" ? Shape{96} : Shape{96, 32};
      out[to + "mixer.Wqkv" + part] = {DType::bf16, shape, bytes};
    }
  }
  return out;
}

Result<Model> open(const TemporaryFolder& folder, const json& config,
                   const SafetensorsTensors& tensors) {
  std::ofstream(folder.path() / "config.json") << config.dump();
  write_safetensors(folder.path() / "model.safetensors", tensors);
  return open_model(folder.path());
}

TEST(PhiMsft, GivesTheBitsOfPhi) {
  const auto phi = open_model(data_path("golden/phi2"));
  ASSERT_TRUE(phi) << phi.error().message;
  const TemporaryFolder folder;
  const auto first = open(folder, first_config(), first_tensors(*phi));
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->spec.arch->name, "phi-msft");
  EXPECT_TRUE(first->unused.empty()) << first->unused.front();
  for (const std::string& backend : model_backends()) {
    RunSettings settings;
    settings.backend = backend;
    const FullRun expected = full_run(*phi, kPhiSequences, settings);
    const FullRun found = full_run(*first, kPhiSequences, settings);
    ASSERT_GT(expected.sites.size(), 12U * 2U * 2U);
    EXPECT_TRUE(found.sites == expected.sites) << backend;
    EXPECT_TRUE(found.logits == expected.logits) << backend;
  }
}

// GGUF files that were made of the first files keep q, k and v in one tensor.
std::string fused_gguf(const std::filesystem::path& path) {
  auto mapped = MappedFile::open(path);
  EXPECT_TRUE(mapped) << mapped.error().message;
  const auto gguf = read_gguf(*std::move(mapped));
  EXPECT_TRUE(gguf) << gguf.error().message;
  GgufWriter writer;
  writer.keys_of(read_file(path).value(), gguf->tensors.front().name);
  const auto bytes_named = [&](const std::string& name) {
    const auto found = std::ranges::find(gguf->tensors, name, &GgufTensor::name);
    EXPECT_NE(found, gguf->tensors.end()) << name;
    return std::string(reinterpret_cast<const char*>(found->bytes.data()), found->bytes.size());
  };
  const auto number = [](DType dtype) { return dtype == DType::f32 ? 0U : 30U; };
  for (const GgufTensor& tensor : gguf->tensors) {
    const std::size_t at = tensor.name.find("attn_q.");
    if (tensor.name.find("attn_k.") != std::string::npos ||
        tensor.name.find("attn_v.") != std::string::npos)
      continue;
    if (at == std::string::npos) {
      writer.tensor(tensor.name, tensor.type.shape, number(tensor.type.dtype),
                    bytes_named(tensor.name));
      continue;
    }
    std::string bytes;
    for (const char* part : {"attn_q.", "attn_k.", "attn_v."})
      bytes += bytes_named(std::string(tensor.name).replace(at, 7, part));
    const bool is_bias = tensor.type.shape.rank() == 1;
    writer.tensor(std::string(tensor.name).replace(at, 7, "attn_qkv."),
                  is_bias ? Shape{96} : Shape{96, 32}, number(tensor.type.dtype), bytes);
  }
  return writer.content();
}

TEST(PhiMsft, GgufFilesMadeOfItGiveTheSameBits) {
  const auto phi = open_model(data_path("golden/phi2"));
  ASSERT_TRUE(phi) << phi.error().message;
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "m.gguf", std::ios::binary)
      << fused_gguf(data_path("gguf/phi2.gguf"));
  const auto fused = open_model(folder.path() / "m.gguf");
  ASSERT_TRUE(fused) << fused.error().message;
  EXPECT_NE(fused->source->find("blk.1.attn_qkv.bias"), nullptr);
  EXPECT_TRUE(fused->unused.empty()) << fused->unused.front();
  RunSettings settings;
  settings.backend = "cpu";
  const FullRun expected = full_run(*phi, kPhiSequences, settings);
  const FullRun found = full_run(*fused, kPhiSequences, settings);
  EXPECT_TRUE(found.sites == expected.sites);
  EXPECT_TRUE(found.logits == expected.logits);
}

TEST(PhiMsft, TablesHaveAMultipleOfRows) {
  const auto phi = open_model(data_path("golden/phi2"));
  ASSERT_TRUE(phi) << phi.error().message;
  json config = first_config();
  config.erase("pad_vocab_size_multiple");
  const TemporaryFolder folder;
  const auto first = open(folder, config, first_tensors(*phi));
  ASSERT_FALSE(first);
  EXPECT_NE(first.error().message.find("transformer.embd.wte.weight"), std::string::npos)
      << first.error().message;
  EXPECT_NE(first.error().message.find("[64, 32]"), std::string::npos) << first.error().message;
}

TEST(PhiMsft, AMissingPartIsNamed) {
  const auto phi = open_model(data_path("golden/phi2"));
  ASSERT_TRUE(phi) << phi.error().message;
  SafetensorsTensors tensors = first_tensors(*phi);
  tensors.erase("transformer.h.1.mixer.Wqkv.bias");
  const TemporaryFolder folder;
  const auto first = open(folder, first_config(), tensors);
  ASSERT_FALSE(first);
  EXPECT_NE(first.error().message.find("expected tensor transformer.h.1.mixer.Wqkv.bias"),
            std::string::npos)
      << first.error().message;
}

}  // namespace
}  // namespace tepui::test

// SPDX-License-Identifier: MIT
// Models of random blocks in every weight type: the same bits as a folder of the f32 that the
// blocks decode to, with the rows of q and k in the folder's order.
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "gguf/tensor_type.h"
#include "models/model.h"
#include "support/gguf_writer.h"
#include "support/op_data.h"
#include "support/paths.h"
#include "support/run_model.h"
#include "support/safetensors_writer.h"

namespace tepui::test {
namespace {

constexpr std::int64_t kBlockWidth = 256, kHeads = 4, kKvHeads = 2, kHead = 64,
                       kBlockVocabulary = 24;

std::uint32_t ggml_id(DType dtype) {
  for (std::uint32_t id = 0; id < 64; ++id)
    if (dtype_from_ggml(id) == dtype) return id;
  ADD_FAILURE() << dtype_name(dtype);
  return 0;
}

class QuantisedModel {
 public:
  explicit QuantisedModel(DType dtype) : dtype_(dtype) {
    const nlohmann::json config = {{"model_type", "llama"},
                                   {"hidden_size", kBlockWidth},
                                   {"intermediate_size", kBlockWidth},
                                   {"num_hidden_layers", 1},
                                   {"num_attention_heads", kHeads},
                                   {"num_key_value_heads", kKvHeads},
                                   {"vocab_size", kBlockVocabulary},
                                   {"max_position_embeddings", 64},
                                   {"rms_norm_eps", 0.25},
                                   {"tie_word_embeddings", true},
                                   {"rope_theta", 10000.0}};
    write_file(folder_.path() / "config.json", config.dump());
    gguf_.text("general.architecture", "llama").u32("llama.context_length", 64);
    gguf_.u32("llama.embedding_length", kBlockWidth).u32("llama.feed_forward_length", kBlockWidth);
    gguf_.u32("llama.block_count", 1).u32("llama.attention.head_count", kHeads);
    gguf_.u32("llama.attention.head_count_kv", kKvHeads).f32("llama.rope.freq_base", 10000);
    gguf_.f32("llama.attention.layer_norm_rms_epsilon", 0.25F);
    matrix("token_embd", "model.embed_tokens", kBlockVocabulary);
    vector("blk.0.attn_norm", "model.layers.0.input_layernorm");
    matrix("blk.0.attn_q", "model.layers.0.self_attn.q_proj", kHeads * kHead, true);
    matrix("blk.0.attn_k", "model.layers.0.self_attn.k_proj", kKvHeads * kHead, true);
    matrix("blk.0.attn_v", "model.layers.0.self_attn.v_proj", kKvHeads * kHead);
    matrix("blk.0.attn_output", "model.layers.0.self_attn.o_proj", kBlockWidth);
    vector("blk.0.ffn_norm", "model.layers.0.post_attention_layernorm");
    matrix("blk.0.ffn_gate", "model.layers.0.mlp.gate_proj", kBlockWidth);
    matrix("blk.0.ffn_up", "model.layers.0.mlp.up_proj", kBlockWidth);
    matrix("blk.0.ffn_down", "model.layers.0.mlp.down_proj", kBlockWidth);
    vector("output_norm", "model.norm");
    write_safetensors(folder_.path() / "model.safetensors", tensors_);
    write_file(folder_.path() / "m.gguf", gguf_.content());
  }

  std::filesystem::path folder() const { return folder_.path(); }
  std::filesystem::path file() const { return folder_.path() / "m.gguf"; }

 private:
  void matrix(const std::string& name, const std::string& hf, std::int64_t rows,
              bool rotary_pairs = false) {
    const HostTensor blocks = make_tensor({.type = {dtype_, {rows, kBlockWidth}}}, ++seed_);
    gguf_.tensor(name + ".weight", blocks.type.shape, ggml_id(dtype_), text_of(blocks));
    std::vector<float> values(static_cast<std::size_t>(rows * kBlockWidth));
    for (std::int64_t row = 0; row < rows; ++row) {
      // Partners i and i + 32 of a head stand in rows 2i and 2i + 1 of the file.
      const std::int64_t i = row % kHead;
      const std::int64_t from =
          rotary_pairs ? row - i + (i < kHead / 2 ? 2 * i : 2 * (i - kHead / 2) + 1) : row;
      for (std::int64_t k = 0; k < kBlockWidth; ++k)
        values[static_cast<std::size_t>(row * kBlockWidth + k)] =
            static_cast<float>(blocks.view().at(from * kBlockWidth + k));
    }
    tensors_[hf + ".weight"] = float_tensor(DType::f32, Shape{rows, kBlockWidth}, values);
  }

  void vector(const std::string& name, const std::string& hf) {
    const HostTensor values = make_tensor(f32({kBlockWidth}), ++seed_);
    gguf_.tensor(name + ".weight", Shape{kBlockWidth}, 0, text_of(values));
    tensors_[hf + ".weight"] = {DType::f32, Shape{kBlockWidth}, text_of(values)};
  }

  static std::string text_of(const HostTensor& tensor) {
    return {reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()};
  }

  DType dtype_;
  TemporaryFolder folder_;
  GgufWriter gguf_;
  SafetensorsTensors tensors_;
  std::uint64_t seed_ = 100;
};

void check(DType dtype, const std::string& backend) {
  SCOPED_TRACE(fmt::format("{} on {}", dtype_name(dtype), backend));
  const QuantisedModel files(dtype);
  const auto folder = open_model(files.folder());
  const auto file = open_model(files.file());
  ASSERT_TRUE(folder) << folder.error().message;
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->layers[0][1].tensor->type.dtype, dtype);
  RunSettings settings;
  settings.backend = backend;
  const std::vector<std::vector<TokenId>> sequences = {{1, 7, 23, 4, 4}, {9, 0}};
  const FullRun expected = full_run(*folder, sequences, settings);
  const FullRun found = full_run(*file, sequences, settings);
  ASSERT_FALSE(expected.sites.empty());
  EXPECT_EQ(found.sites, expected.sites);
  EXPECT_EQ(found.logits, expected.logits);
}

TEST(GgufQuantised, EveryTypeGivesTheBitsOfWhatItDecodesTo) {
  for (const DType dtype : quantised_dtypes()) check(dtype, "cpu");
}

TEST(GgufQuantised, OnEveryBackend) {
  for (const std::string& backend : model_backends()) {
    check(DType::q5_0, backend);
    check(DType::q4_k, backend);
  }
}

}  // namespace
}  // namespace tepui::test

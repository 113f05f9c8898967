// SPDX-License-Identifier: MIT
// Writes the folder of a LLaMA model of a named shape, to measure what streaming it takes: random
// bf16 weights, or, with --sparse, files that are holes and take no room on disk.
// Usage: make_model llama-25m|llama-1b|llama-13b|llama-70b FOLDER [--sparse]
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace {

using nlohmann::ordered_json;

struct Shape {
  const char* name;
  std::uint64_t width, hidden, layers, heads, kv_heads, vocabulary;
};

constexpr Shape kShapes[] = {{"llama-25m", 1024, 512, 4, 8, 8, 32000},
                             {"llama-1b", 2048, 5632, 22, 32, 4, 32000},
                             {"llama-13b", 5120, 13824, 40, 40, 40, 32000},
                             {"llama-70b", 8192, 28672, 80, 64, 8, 32000}};

struct Tensor {
  std::string name;
  std::uint64_t rows;  // 0: a vector
  std::uint64_t columns;
  std::uint64_t elements() const { return (rows == 0 ? 1 : rows) * columns; }
};

std::vector<Tensor> layer_tensors(const Shape& s, std::uint64_t layer) {
  const std::string prefix = "model.layers." + std::to_string(layer) + ".";
  const std::uint64_t keys = s.width / s.heads * s.kv_heads;
  return {{prefix + "input_layernorm.weight", 0, s.width},
          {prefix + "mlp.down_proj.weight", s.width, s.hidden},
          {prefix + "mlp.gate_proj.weight", s.hidden, s.width},
          {prefix + "mlp.up_proj.weight", s.hidden, s.width},
          {prefix + "post_attention_layernorm.weight", 0, s.width},
          {prefix + "self_attn.k_proj.weight", keys, s.width},
          {prefix + "self_attn.o_proj.weight", s.width, s.width},
          {prefix + "self_attn.q_proj.weight", s.width, s.width},
          {prefix + "self_attn.v_proj.weight", keys, s.width}};
}

// xorshift: quick, and nothing more is asked of it.
std::uint64_t next(std::uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

std::uint16_t bf16(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  return static_cast<std::uint16_t>(bits >> 16);
}

// Values in +-1.7 / sqrt(columns), as a new model has them; norms are 1. Drawn from a table of all
// that eight random bits can give.
bool write_values(std::ofstream& file, const Tensor& tensor, std::uint64_t& state) {
  std::vector<std::uint16_t> table(256);
  const float scale = 1.7F / std::sqrt(static_cast<float>(tensor.columns));
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = bf16(scale * (static_cast<float>(i) - 127.5F) / 127.5F);
  std::vector<std::uint16_t> values(std::size_t{1} << 20);
  for (std::uint64_t at = 0; at < tensor.elements() && file; at += values.size()) {
    const std::uint64_t count = std::min<std::uint64_t>(values.size(), tensor.elements() - at);
    for (std::size_t i = 0; i < values.size(); i += 8) {
      std::uint64_t bits = next(state);
      for (std::size_t j = 0; j < 8; ++j, bits >>= 8)
        values[i + j] = tensor.rows == 0 ? bf16(1.0F) : table[bits & 255U];
    }
    file.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(2 * count));
  }
  return static_cast<bool>(file);
}

bool write_shard(const std::filesystem::path& path, const std::vector<Tensor>& tensors, bool sparse,
                 std::uint64_t& state) {
  ordered_json header;
  std::uint64_t offset = 0;
  for (const Tensor& tensor : tensors) {
    const std::uint64_t end = offset + 2 * tensor.elements();
    ordered_json shape = ordered_json::array();
    if (tensor.rows > 0) shape.push_back(tensor.rows);
    shape.push_back(tensor.columns);
    header[tensor.name] = {{"dtype", "BF16"}, {"shape", shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&length), sizeof(length));
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  for (const Tensor& tensor : tensors) {
    if (!sparse && !write_values(file, tensor, state)) return false;
  }
  file.close();
  if (!file) return false;
  std::error_code error;
  if (sparse) std::filesystem::resize_file(path, sizeof(length) + length + offset, error);
  return !error;
}

bool write_json(const std::filesystem::path& path, const ordered_json& document) {
  std::ofstream file(path);
  file << document.dump(1) << '\n';
  return static_cast<bool>(file.flush());
}

// One shard a layer, and one for what stands before and behind them.
bool write_model(const Shape& s, const std::filesystem::path& folder, bool sparse) {
  std::uint64_t state = 88172645463325252U;
  ordered_json index;
  const auto shard = [&](const std::string& name, const std::vector<Tensor>& tensors) {
    for (const Tensor& tensor : tensors) index["weight_map"][tensor.name] = name;
    std::printf("%s\n", name.c_str());
    std::fflush(stdout);
    return write_shard(folder / name, tensors, sparse, state);
  };
  if (!shard("model-ends.safetensors", {{"lm_head.weight", s.vocabulary, s.width},
                                        {"model.embed_tokens.weight", s.vocabulary, s.width},
                                        {"model.norm.weight", 0, s.width}}))
    return false;
  for (std::uint64_t layer = 0; layer < s.layers; ++layer) {
    if (!shard("model-" + std::to_string(layer) + ".safetensors", layer_tensors(s, layer)))
      return false;
  }
  const ordered_json config = {{"model_type", "llama"},
                               {"architectures", {"LlamaForCausalLM"}},
                               {"hidden_size", s.width},
                               {"intermediate_size", s.hidden},
                               {"num_hidden_layers", s.layers},
                               {"num_attention_heads", s.heads},
                               {"num_key_value_heads", s.kv_heads},
                               {"vocab_size", s.vocabulary},
                               {"max_position_embeddings", 4096},
                               {"rms_norm_eps", 1e-5},
                               {"hidden_act", "silu"},
                               {"tie_word_embeddings", false}};
  return write_json(folder / "model.safetensors.index.json", index) &&
         write_json(folder / "config.json", config);
}

}  // namespace

int main(int argc, char** argv) {
  const bool sparse = argc == 4 && std::string_view(argv[3]) == "--sparse";
  for (const Shape& shape : kShapes) {
    if (argc < 3 || argc > 4 || (argc == 4 && !sparse)) break;
    if (shape.name != std::string_view(argv[1])) continue;
    std::error_code error;
    std::filesystem::create_directories(argv[2], error);
    if (!error && write_model(shape, argv[2], sparse)) return 0;
    std::fprintf(stderr, "make_model: %s cannot be written\n", argv[2]);
    return 1;
  }
  std::fprintf(stderr,
               "usage: make_model llama-25m|llama-1b|llama-13b|llama-70b FOLDER [--sparse]\n");
  return 2;
}

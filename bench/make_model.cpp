// SPDX-License-Identifier: MIT
// Writes the folder of a LLaMA model of a named shape, to measure what streaming it takes: random
// bf16 weights, or, with --sparse, files that are holes and take no room on disk.
// Usage: make_model SHAPE FOLDER [--sparse]
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "models/named_shape.h"
#include "weights/encode.h"

namespace tepui::bench {
namespace {

using nlohmann::ordered_json;
constexpr std::int64_t kPiece = std::int64_t{1} << 20;  // elements written at once

void write_bytes(std::ofstream& file, std::span<const std::byte> bytes) {
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

void write_values(std::ofstream& file, const ShapeTensor& tensor, RandomWeights& random) {
  std::vector<float> values;
  for (std::int64_t at = 0; at < tensor.shape.elements() && file; at += kPiece) {
    values.resize(static_cast<std::size_t>(std::min(kPiece, tensor.shape.elements() - at)));
    random.fill(values, tensor.shape);
    write_bytes(file, encode(values, DType::bf16));
  }
}

bool write_shard(const std::filesystem::path& path, const std::vector<ShapeTensor>& tensors,
                 bool sparse, RandomWeights& random) {
  ordered_json header;
  header["__metadata__"] = {{"format", "pt"}};  // transformers asks for it
  std::uint64_t offset = 0;
  for (const ShapeTensor& tensor : tensors) {
    const std::uint64_t end = offset + 2 * static_cast<std::uint64_t>(tensor.shape.elements());
    ordered_json shape = ordered_json::array();
    for (int axis = 0; axis < tensor.shape.rank(); ++axis) shape.push_back(tensor.shape[axis]);
    header[tensor.name] = {{"dtype", "BF16"}, {"shape", shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  std::ofstream file(path, std::ios::binary);
  write_bytes(file, std::as_bytes(std::span(&length, 1)));
  write_bytes(file, std::as_bytes(std::span(text)));
  for (const ShapeTensor& tensor : tensors) {
    if (!sparse) write_values(file, tensor, random);
  }
  file.close();
  if (!file) return false;
  std::error_code error;
  if (sparse) std::filesystem::resize_file(path, sizeof(length) + length + offset, error);
  return !error;
}

bool write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  return static_cast<bool>(file.flush());
}

// One shard a layer, and one for what stands before and behind them.
bool write_model(const NamedShape& s, const std::filesystem::path& folder, bool sparse) {
  RandomWeights random;
  ordered_json index;
  index["metadata"] = ordered_json::object();
  const auto shard = [&](const std::string& name, const std::vector<ShapeTensor>& tensors) {
    for (const ShapeTensor& tensor : tensors) index["weight_map"][tensor.name] = name;
    std::printf("%s\n", name.c_str());
    std::fflush(stdout);
    return write_shard(folder / name, tensors, sparse, random);
  };
  if (!shard("model-ends.safetensors", global_tensors(s))) return false;
  for (int layer = 0; layer < s.layers; ++layer) {
    if (!shard("model-" + std::to_string(layer) + ".safetensors", layer_tensors(s, layer)))
      return false;
  }
  return write_text(folder / "model.safetensors.index.json", index.dump(1) + "\n") &&
         write_text(folder / "config.json", shape_config(s));
}

}  // namespace
}  // namespace tepui::bench

int main(int argc, char** argv) {
  const bool sparse = argc == 4 && std::string_view(argv[3]) == "--sparse";
  if (argc < 3 || argc > 4 || (argc == 4 && !sparse)) {
    std::fprintf(stderr, "usage: make_model SHAPE FOLDER [--sparse]\n");
    return 2;
  }
  const auto shape = tepui::named_shape(argv[1]);
  if (!shape) {
    std::fprintf(stderr, "make_model: %s\n", shape.error().message.c_str());
    return 2;
  }
  std::error_code error;
  std::filesystem::create_directories(argv[2], error);
  if (!error && tepui::bench::write_model(*shape, argv[2], sparse)) return 0;
  std::fprintf(stderr, "make_model: %s cannot be written\n", argv[2]);
  return 1;
}

// SPDX-License-Identifier: MIT
#include "support/model_copy.h"

#include <cstdint>
#include <cstring>

#include "base/mapped_file.h"
#include "support/cli_inputs.h"
#include "support/paths.h"
#include "support/safetensors_writer.h"

namespace tepui::test {

namespace {

constexpr const char* kWeights = "model.safetensors";

std::size_t header_bytes(const std::string& content) {
  std::uint64_t length = 0;
  std::memcpy(&length, content.data(), sizeof(length));
  return static_cast<std::size_t>(length);
}

}  // namespace

std::filesystem::path copy_model(const std::filesystem::path& from,
                                 const std::filesystem::path& into) {
  std::filesystem::create_directories(into);
  for (const auto& entry : std::filesystem::directory_iterator(from)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("golden") && entry.path().extension() != ".md")
      std::filesystem::copy(entry.path(), into / name);
  }
  return into;
}

void change_config(const std::filesystem::path& model, const ChangeJson& change) {
  auto config = nlohmann::json::parse(read_file(model / "config.json").value());
  change(config);
  write_file(model / "config.json", config.dump(2));
}

void change_header(const std::filesystem::path& model, const ChangeJson& change) {
  const std::string content = read_file(model / kWeights).value();
  const std::size_t length = header_bytes(content);
  auto header = nlohmann::json::parse(content.substr(8, length));
  change(header);
  write_file(model / kWeights, safetensors_content(header.dump(), content.substr(8 + length)));
}

std::size_t offset_of(const std::filesystem::path& model, const std::string& tensor,
                      std::size_t element) {
  const std::string content = read_file(model / kWeights).value();
  const std::size_t length = header_bytes(content);
  const auto entry = nlohmann::json::parse(content.substr(8, length)).at(tensor);
  const std::size_t width = entry.at("dtype") == "F32" ? 4 : 2;
  return 8 + length + entry.at("data_offsets").at(0).get<std::size_t>() + element * width;
}

void patch_weights(const std::filesystem::path& model, std::size_t offset,
                   const std::string& bytes) {
  std::string content = read_file(model / kWeights).value();
  content.replace(offset, bytes.size(), bytes);
  write_file(model / kWeights, content);
}

std::filesystem::path overflowing_model(const std::filesystem::path& into) {
  const auto model = copy_model(kTiny, into);
  const auto place = [&](const char* tensor, std::size_t element) {
    return offset_of(model, tensor, element);
  };
  const std::string weights = read_file(model / "model.safetensors").value();
  std::string row = weights.substr(place("model.layers.0.mlp.up_proj.weight", 35 * 32), 64);
  for (std::size_t i = 1; i < row.size(); i += 2) row[i] = static_cast<char>(row[i] + 3);  // * 64
  patch_weights(model, place("model.embed_tokens.weight", 50 * 32), row);
  patch_weights(model, place("model.layers.0.mlp.down_proj.weight", 35), "\xf0\x7c");
  return model;
}

}  // namespace tepui::test

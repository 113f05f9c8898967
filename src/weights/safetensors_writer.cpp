// SPDX-License-Identifier: MIT
#include "weights/safetensors_writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/assert.h"
#include "base/new_file.h"

namespace tepui {

Status write_safetensors(const std::filesystem::path& path, std::vector<FloatTensor> tensors,
                         const std::map<std::string, std::string>& metadata) {
  std::ranges::sort(tensors, {}, &FloatTensor::name);
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t at = 0;
  for (const FloatTensor& tensor : tensors) {
    TEPUI_ASSERT(static_cast<std::int64_t>(tensor.values.size()) == tensor.shape.elements());
    std::vector<std::int64_t> shape;
    for (int axis = 0; axis < tensor.shape.rank(); ++axis) shape.push_back(tensor.shape[axis]);
    header[tensor.name] = {{"dtype", "F32"},
                           {"shape", shape},
                           {"data_offsets", {at, at + tensor.values.size_bytes()}}};
    at += tensor.values.size_bytes();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t size = text.size();
  TEPUI_TRY(NewFile file, NewFile::create(path));
  TEPUI_TRY(file.write(std::as_bytes(std::span(&size, 1))));
  TEPUI_TRY(file.write(std::as_bytes(std::span(text))));
  for (const FloatTensor& tensor : tensors) TEPUI_TRY(file.write(std::as_bytes(tensor.values)));
  return file.finish();
}

}  // namespace tepui

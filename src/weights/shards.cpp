// SPDX-License-Identifier: MIT
// A folder of weights: one model.safetensors, or the shards of model.safetensors.index.json.
#include <map>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "weights/mapped_source.h"
#include "weights/safetensors.h"
#include "weights/strict_json.h"

namespace tepui {
namespace {

using Json = nlohmann::json;
using Path = std::filesystem::path;

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

bool is_there(const Path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

Result<std::unique_ptr<WeightSource>> open_single(const Path& path) {
  TEPUI_TRY(MappedFile file, open_weight_file(path));
  TEPUI_TRY(std::vector<TensorRef> tensors, read_safetensors(file));
  std::vector<MappedFile> files;
  files.push_back(std::move(file));
  return std::make_unique<MappedSource>(std::move(files), std::move(tensors));
}

// A shard stands beside its index. A name that leads elsewhere is refused, so that opening a
// downloaded folder reads nothing outside it.
bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

using WeightMap = std::map<std::string, std::string>;  // tensor -> shard

Result<WeightMap> read_index(const Path& path) {
  TEPUI_TRY(const MappedFile file, open_weight_file(path));
  const auto bytes = file.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  TEPUI_TRY(const Json index, parse_strict_json(text, path.string(), 0));
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || map == index.end() || !map->is_object() || map->empty()) {
    return fail(ErrorKind::data,
                "{}: expected an object \"weight_map\" of tensor names and shards, found none",
                path.string());
  }
  WeightMap shards;
  for (const auto& [tensor, shard] : map->items()) {
    if (!shard.is_string() || !is_plain_file_name(shard.get_ref<const std::string&>())) {
      return fail(ErrorKind::data,
                  "{}: weight_map: tensor {}: expected the plain name of a file beside the index, "
                  "found {}",
                  path.string(), printable(tensor),
                  printable(shard.dump(-1, ' ', true, Json::error_handler_t::replace)));
    }
    shards.emplace(tensor, shard.get<std::string>());
  }
  return shards;
}

// The tensors of one shard, each of which the index must place in this shard.
Status add_shard(const Path& folder, const std::string& shard, const WeightMap& index,
                 std::vector<MappedFile>& files, std::vector<TensorRef>& tensors) {
  const Path path = folder / shard;
  if (!is_there(path)) {
    return fail(ErrorKind::data, "{}: expected this shard, which {} names, found no such file",
                printable(path.string()), kIndex);
  }
  TEPUI_TRY(MappedFile file, open_weight_file(path));
  TEPUI_TRY(std::vector<TensorRef> found, read_safetensors(file));
  for (TensorRef& tensor : found) {
    const auto listed = index.find(tensor.name);
    if (listed == index.end() || listed->second != shard) {
      return fail(ErrorKind::data,
                  "{}: tensor {}: expected no tensor but those that {} places in this shard, found "
                  "it {}",
                  path.string(), printable(tensor.name), kIndex,
                  listed == index.end() ? "missing from the index"
                                        : "placed in " + printable(listed->second));
    }
    tensors.push_back(std::move(tensor));
  }
  files.push_back(std::move(file));
  return {};
}

Result<std::unique_ptr<WeightSource>> open_shards(const Path& folder) {
  TEPUI_TRY(const WeightMap index, read_index(folder / kIndex));
  std::map<std::string, std::vector<std::string>> shards;  // shard -> its tensors
  for (const auto& [tensor, shard] : index) shards[shard].push_back(tensor);
  std::vector<MappedFile> files;
  std::vector<TensorRef> tensors;
  for (const auto& [shard, wanted] : shards) {
    const std::size_t before = tensors.size();
    TEPUI_TRY(add_shard(folder, shard, index, files, tensors));
    if (tensors.size() - before == wanted.size()) continue;
    std::map<std::string_view, bool> there;
    for (std::size_t at = before; at < tensors.size(); ++at) there[tensors[at].name] = true;
    for (const std::string& name : wanted) {
      if (there.contains(name)) continue;
      return fail(ErrorKind::data, "{}: expected tensor {}, which {} places in it, found none",
                  (folder / shard).string(), printable(name), kIndex);
    }
  }
  return std::make_unique<MappedSource>(std::move(files), std::move(tensors));
}

}  // namespace

Result<std::unique_ptr<WeightSource>> open_safetensors(const Path& folder_or_file) {
  if (!is_there(folder_or_file)) {
    return fail(ErrorKind::io, "{}: expected a folder or a .safetensors file, found nothing there",
                folder_or_file.string());
  }
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder_or_file, ignored)) return open_single(folder_or_file);
  if (is_there(folder_or_file / kSingle)) return open_single(folder_or_file / kSingle);
  if (is_there(folder_or_file / kIndex)) return open_shards(folder_or_file);
  for (const char* pickled : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    if (!is_there(folder_or_file / pickled)) continue;
    return fail(ErrorKind::unsupported,
                "{}: expected {} or {}, found only {}: only safetensors are read; convert it "
                "(transformers: save_pretrained with safe_serialization=True)",
                folder_or_file.string(), kSingle, kIndex, pickled);
  }
  return fail(ErrorKind::data, "{}: expected {} or {} in this folder, found neither",
              folder_or_file.string(), kSingle, kIndex);
}

}  // namespace tepui

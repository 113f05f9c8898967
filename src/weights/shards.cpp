// SPDX-License-Identifier: MIT
// A folder of weights: one file, or the shards that an index names. As safetensors, or, where there
// are none, as pickled by torch.
#include <fcntl.h>
#include <unistd.h>

#include <map>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "weights/folder.h"
#include "weights/mapped_source.h"
#include "weights/safetensors.h"
#include "weights/strict_json.h"
#include "weights/torch_archive.h"

namespace tepui {
namespace {

using Json = nlohmann::json;
using Path = std::filesystem::path;

struct Container {
  const char* name;
  const char* single;
  const char* index;
  Result<std::vector<TensorRef>> (*read)(const MappedFile& file);
};
constexpr Container kSafetensors{"safetensors", "model.safetensors", "model.safetensors.index.json",
                                 read_safetensors};
constexpr Container kTorch{"torch", "pytorch_model.bin", "pytorch_model.bin.index.json",
                           read_torch_tensors};

bool is_there(const Path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

Result<std::unique_ptr<WeightSource>> open_single(const Container& container, const Path& path) {
  TEPUI_TRY(MappedFile file, open_weight_file(path));
  TEPUI_TRY(std::vector<TensorRef> tensors, container.read(file));
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
Status add_shard(const Container& container, const Path& folder, const std::string& shard,
                 const WeightMap& index, std::vector<MappedFile>& files,
                 std::vector<TensorRef>& tensors) {
  const Path path = folder / shard;
  if (!is_there(path)) {
    return fail(ErrorKind::data, "{}: expected this shard, which {} names, found no such file",
                printable(path.string()), container.index);
  }
  TEPUI_TRY(MappedFile file, open_weight_file(path));
  TEPUI_TRY(std::vector<TensorRef> found, container.read(file));
  for (TensorRef& tensor : found) {
    const auto listed = index.find(tensor.name);
    if (listed == index.end() || listed->second != shard) {
      return fail(ErrorKind::data,
                  "{}: tensor {}: expected no tensor but those that {} places in this shard, found "
                  "it {}",
                  path.string(), printable(tensor.name), container.index,
                  listed == index.end() ? "missing from the index"
                                        : "placed in " + printable(listed->second));
    }
    tensors.push_back(std::move(tensor));
  }
  files.push_back(std::move(file));
  return {};
}

// Asks the system for the beginnings of all shards at once: read one after the other from a cold
// disk, each is waited for. Only advice; what is wrong with a shard shows when it is opened.
void ask_for_beginning(const Path& path) {
  constexpr off_t kHeader = 256 << 10;
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return;
  static_cast<void>(::posix_fadvise(descriptor, 0, kHeader, POSIX_FADV_WILLNEED));
  ::close(descriptor);
}

Result<std::unique_ptr<WeightSource>> open_shards(const Container& container, const Path& folder) {
  TEPUI_TRY(const WeightMap index, read_index(folder / container.index));
  std::map<std::string, std::vector<std::string>> shards;  // shard -> its tensors
  for (const auto& [tensor, shard] : index) shards[shard].push_back(tensor);
  std::vector<MappedFile> files;
  std::vector<TensorRef> tensors;
  for (const auto& entry : shards) ask_for_beginning(folder / entry.first);
  for (const auto& [shard, wanted] : shards) {
    const std::size_t before = tensors.size();
    TEPUI_TRY(add_shard(container, folder, shard, index, files, tensors));
    if (tensors.size() - before == wanted.size()) continue;
    std::map<std::string_view, bool> there;
    for (std::size_t at = before; at < tensors.size(); ++at) there[tensors[at].name] = true;
    for (const std::string& name : wanted) {
      if (there.contains(name)) continue;
      return fail(ErrorKind::data, "{}: expected tensor {}, which {} places in it, found none",
                  (folder / shard).string(), printable(name), container.index);
    }
  }
  return std::make_unique<MappedSource>(std::move(files), std::move(tensors));
}

Result<std::unique_ptr<WeightSource>> open_container(const Container& container,
                                                     const Path& folder) {
  if (is_there(folder / container.single)) return open_single(container, folder / container.single);
  return open_shards(container, folder);
}

}  // namespace

Result<std::unique_ptr<WeightSource>> open_safetensors(const Path& folder_or_file) {
  if (!is_there(folder_or_file)) {
    return fail(ErrorKind::io, "{}: expected a folder or a .safetensors file, found nothing there",
                folder_or_file.string());
  }
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder_or_file, ignored))
    return open_single(kSafetensors, folder_or_file);
  if (is_there(folder_or_file / kSafetensors.single) ||
      is_there(folder_or_file / kSafetensors.index))
    return open_container(kSafetensors, folder_or_file);
  return fail(ErrorKind::data, "{}: expected {} or {} in this folder, found neither",
              folder_or_file.string(), kSafetensors.single, kSafetensors.index);
}

Result<WeightFolder> open_weight_folder(const Path& folder) {
  for (const Container& container : {kSafetensors, kTorch}) {
    if (!is_there(folder / container.single) && !is_there(folder / container.index)) continue;
    WeightFolder out;
    out.container = container.name;
    TEPUI_TRY(out.source, open_container(container, folder));
    return out;
  }
  return fail(ErrorKind::data, "{}: expected {}, {}, {} or {} in this folder, found none of them",
              folder.string(), kSafetensors.single, kSafetensors.index, kTorch.single,
              kTorch.index);
}

}  // namespace tepui

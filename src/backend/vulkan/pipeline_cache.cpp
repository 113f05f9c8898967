// SPDX-License-Identifier: MIT
#include "backend/vulkan/pipeline_cache.h"

#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "base/cache_folder.h"
#include "base/hash.h"

namespace tepui::vulkan {
namespace {

using Bytes = std::vector<std::byte>;

// What stands before the driver's data in the file. Drivers check their own header but may trust
// the rest, so that a damaged file must not reach them.
struct Envelope {
  std::array<char, 8> magic{'t', 'e', 'p', 'u', 'i', 'p', 'c', '1'};
  Hash128 hash;
};

std::string file_name(const PhysicalDevice& device) {
  std::string name = fmt::format("pipelines-{:04x}-{:04x}-", device.vendor, device.device);
  for (const std::uint8_t byte : device.cache_uuid) name += fmt::format("{:02x}", byte);
  return name + ".bin";
}

// The driver's data, if the file is whole.
Bytes read_cache(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  const Envelope expected;
  Envelope found;
  if (text.size() <= sizeof(found)) return {};
  std::memcpy(&found, text.data(), sizeof(found));
  Bytes data(text.size() - sizeof(found));
  std::memcpy(data.data(), text.data() + sizeof(found), data.size());
  if (found.magic != expected.magic || found.hash != hash_bytes(data)) return {};
  return data;
}

// Whole or not at all: other processes may write it too.
void write_cache(const std::filesystem::path& file, const Bytes& data) {
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  std::filesystem::path draft = file;
  draft += fmt::format(".{}", ::getpid());
  Envelope envelope;
  envelope.hash = hash_bytes(data);
  std::ofstream stream(draft, std::ios::binary);
  stream.write(reinterpret_cast<const char*>(&envelope), sizeof(envelope));
  stream.write(reinterpret_cast<const char*>(data.data()),
               static_cast<std::streamsize>(data.size()));
  stream.close();
  if (stream) std::filesystem::rename(draft, file, error);
  if (!stream || error) std::filesystem::remove(draft, error);
}

}  // namespace

Result<std::unique_ptr<PipelineCache>> PipelineCache::make(Device& device) {
  std::unique_ptr<PipelineCache> cache(new PipelineCache(device));
  const std::filesystem::path folder = cache_folder();
  Bytes data;
  if (!folder.empty()) {
    cache->file_ = folder / file_name(device.physical());
    data = read_cache(cache->file_);
  }
  VkPipelineCacheCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO;
  info.initialDataSize = data.size();
  info.pInitialData = data.data();
  TEPUI_TRY(check(device.api().CreatePipelineCache(device.handle(), &info, nullptr, &cache->cache_),
                  "a pipeline cache"));
  return cache;
}

PipelineCache::~PipelineCache() {
  if (cache_ == VK_NULL_HANDLE) return;
  if (changed_ && !file_.empty()) save();
  device_.api().DestroyPipelineCache(device_.handle(), cache_, nullptr);
}

void PipelineCache::save() const {
  std::size_t bytes = 0;
  const DeviceApi& api = device_.api();
  if (api.GetPipelineCacheData(device_.handle(), cache_, &bytes, nullptr) != VK_SUCCESS) return;
  Bytes data(bytes);
  if (api.GetPipelineCacheData(device_.handle(), cache_, &bytes, data.data()) != VK_SUCCESS) return;
  data.resize(bytes);
  write_cache(file_, data);
}

}  // namespace tepui::vulkan

// SPDX-License-Identifier: MIT
#include "backend/vulkan/imported_memory.h"

namespace tepui::vulkan {
namespace {

constexpr std::uintptr_t kWord = 4;  // what shaders read at once

class ImportedStorage final : public VulkanStorage {
 public:
  ImportedStorage(std::shared_ptr<Device> device, std::unique_ptr<Block> block, Range range)
      : VulkanStorage(range), device_(std::move(device)), block_(std::move(block)) {}
  ~ImportedStorage() override {
    device_->api().DestroyBuffer(device_->handle(), block_->buffer, nullptr);
    device_->api().FreeMemory(device_->handle(), block_->memory, nullptr);
  }
  ImportedStorage(const ImportedStorage&) = delete;
  ImportedStorage& operator=(const ImportedStorage&) = delete;

 private:
  std::shared_ptr<Device> device_;
  std::unique_ptr<Block> block_;
};

VkBuffer make_buffer(const Device& device, std::size_t bytes) {
  VkExternalMemoryBufferCreateInfo external{};
  external.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO;
  external.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
  VkBufferCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  info.pNext = &external;
  info.size = bytes;
  info.usage = kBufferUsage;
  const std::vector<std::uint32_t> families = device.families();
  share(info, families);
  VkBuffer buffer = VK_NULL_HANDLE;
  const VkResult made = device.api().CreateBuffer(device.handle(), &info, nullptr, &buffer);
  return made < 0 ? VK_NULL_HANDLE : buffer;
}

VkDeviceMemory import_pages(const Device& device, void* pages, std::size_t bytes,
                            std::uint32_t types) {
  VkMemoryAllocateFlagsInfo flags{};
  flags.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO;
  flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
  VkImportMemoryHostPointerInfoEXT import{};
  import.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT;
  import.pNext = &flags;
  import.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
  import.pHostPointer = pages;
  VkMemoryAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
  info.pNext = &import;
  info.allocationSize = bytes;
  for (std::uint32_t i = 0; i < device.physical().memory.memoryTypeCount; ++i) {
    if ((types & (1U << i)) == 0) continue;
    info.memoryTypeIndex = i;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    if (device.api().AllocateMemory(device.handle(), &info, nullptr, &memory) >= 0) return memory;
  }
  return VK_NULL_HANDLE;
}

}  // namespace

std::unique_ptr<BufferStorage> import_memory(const std::shared_ptr<Device>& device,
                                             std::span<const std::byte> bytes) {
  if (!device->physical().adopts_host_memory() || bytes.empty()) return nullptr;
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
  if (begin % kWord != 0) return nullptr;
  const std::uintptr_t page = device->physical().import_alignment;
  const std::uintptr_t first = begin / page * page;
  const std::uintptr_t last = (begin + bytes.size() + page - 1) / page * page;
  if (last - first > device->physical().max_allocation_bytes) return nullptr;
  // Nothing is ever written through it.
  void* const pages = reinterpret_cast<void*>(first);
  auto block = std::make_unique<Block>();
  block->bytes = last - first;
  block->buffer = make_buffer(*device, block->bytes);
  if (block->buffer == VK_NULL_HANDLE) return nullptr;
  const DeviceApi& api = device->api();
  VkMemoryRequirements needs{};
  api.GetBufferMemoryRequirements(device->handle(), block->buffer, &needs);
  if (needs.size <= block->bytes) {
    block->memory = import_pages(*device, pages, block->bytes,
                                 device->import_types(pages) & needs.memoryTypeBits);
  }
  const bool bound = block->memory != VK_NULL_HANDLE &&
                     api.BindBufferMemory(device->handle(), block->buffer, block->memory, 0) >= 0;
  if (!bound) {
    api.DestroyBuffer(device->handle(), block->buffer, nullptr);
    if (block->memory != VK_NULL_HANDLE) api.FreeMemory(device->handle(), block->memory, nullptr);
    return nullptr;
  }
  block->address = address_of(*device, block->buffer);
  const Range range{block.get(), begin - first, bytes.size()};
  return std::make_unique<ImportedStorage>(device, std::move(block), range);
}

}  // namespace tepui::vulkan

// SPDX-License-Identifier: MIT
#include "backend/vulkan/memory.h"

#include <algorithm>
#include <functional>

#include "base/assert.h"

namespace tepui::vulkan {

VkDeviceAddress address_of(const Device& device, VkBuffer buffer) {
  VkBufferDeviceAddressInfo info{};
  info.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO;
  info.buffer = buffer;
  return device.api().GetBufferDeviceAddress(device.handle(), &info);
}

void share(VkBufferCreateInfo& info, const std::vector<std::uint32_t>& families) {
  if (families.size() < 2) return;
  info.sharingMode = VK_SHARING_MODE_CONCURRENT;
  info.queueFamilyIndexCount = static_cast<std::uint32_t>(families.size());
  info.pQueueFamilyIndices = families.data();
}

std::size_t piece_bytes(const PhysicalDevice& device, std::size_t most) {
  constexpr std::uint64_t kPart = 32;
  constexpr std::size_t kLeast = std::size_t{64} << 10;
  std::size_t bytes = most;
  while (bytes > kLeast &&
         (bytes > device.memory_bytes / kPart || bytes > device.max_allocation_bytes)) {
    bytes /= 2;
  }
  return bytes;
}

MemoryPool::~MemoryPool() {
  for (const auto& block : blocks_) destroy(*block);
}

void MemoryPool::destroy(Block& block) {
  const DeviceApi& api = device_.api();
  if (block.buffer != VK_NULL_HANDLE) api.DestroyBuffer(device_.handle(), block.buffer, nullptr);
  if (block.memory != VK_NULL_HANDLE) api.FreeMemory(device_.handle(), block.memory, nullptr);
}

std::size_t MemoryPool::held_bytes() const {
  std::size_t sum = 0;
  for (const auto& block : blocks_) sum += block->bytes;
  return sum;
}

Range MemoryPool::find(std::span<const std::byte> bytes) const {
  const std::less_equal<> before;
  for (const auto& block : blocks_) {
    const std::byte* const begin = block->mapped;
    if (begin == nullptr || !before(begin, bytes.data())) continue;
    if (!before(bytes.data() + bytes.size(), begin + block->bytes)) continue;
    return {block.get(), static_cast<std::size_t>(bytes.data() - begin), bytes.size()};
  }
  return {};
}

Result<std::uint32_t> MemoryPool::memory_type(std::uint32_t allowed) const {
  constexpr VkMemoryPropertyFlags kHost =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  // Staging is read by the host too: cached memory first.
  const VkMemoryPropertyFlags wishes[2] = {
      kind_ == Memory::device ? VkMemoryPropertyFlags{VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT}
                              : kHost | VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
      kind_ == Memory::device ? VkMemoryPropertyFlags{0} : kHost};
  const VkPhysicalDeviceMemoryProperties& memory = device_.physical().memory;
  for (const VkMemoryPropertyFlags wish : wishes) {
    for (std::uint32_t i = 0; i < memory.memoryTypeCount; ++i) {
      const bool fits = (memory.memoryTypes[i].propertyFlags & wish) == wish;
      if (fits && (allowed & (1U << i)) != 0) return i;
    }
  }
  return fail(ErrorKind::unsupported, "vulkan: {} has no memory of the kind that is needed",
              device_.physical().name);
}

Status MemoryPool::fill_block(Block& block) {
  const DeviceApi& api = device_.api();
  VkBufferCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  info.size = block.bytes;
  info.usage = kBufferUsage;
  const std::vector<std::uint32_t> families = device_.families();
  share(info, families);
  TEPUI_TRY(check(api.CreateBuffer(device_.handle(), &info, nullptr, &block.buffer), "a buffer"));
  VkMemoryRequirements needs{};
  api.GetBufferMemoryRequirements(device_.handle(), block.buffer, &needs);
  VkMemoryAllocateFlagsInfo flags{};
  flags.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO;
  flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
  VkMemoryAllocateInfo allocate{};
  allocate.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
  allocate.pNext = &flags;
  allocate.allocationSize = needs.size;
  TEPUI_TRY(allocate.memoryTypeIndex, memory_type(needs.memoryTypeBits));
  const VkResult got = api.AllocateMemory(device_.handle(), &allocate, nullptr, &block.memory);
  if (got < 0)
    return fail(ErrorKind::unsupported, "vulkan: {} refused {} bytes: {}", device_.physical().name,
                block.bytes, result_text(got));
  TEPUI_TRY(check(api.BindBufferMemory(device_.handle(), block.buffer, block.memory, 0),
                  "binding memory"));
  block.address = address_of(device_, block.buffer);
  if (kind_ == Memory::device) return {};
  void* mapped = nullptr;
  TEPUI_TRY(check(api.MapMemory(device_.handle(), block.memory, 0, VK_WHOLE_SIZE, 0, &mapped),
                  "mapping memory"));
  block.mapped = static_cast<std::byte*>(mapped);
  return {};
}

Status MemoryPool::fill_or_make_room(Block& block) {
  Status status = fill_block(block);
  if (status) return status;
  destroy(block);
  if (!give_up_spare_blocks()) return status;
  block.buffer = VK_NULL_HANDLE;
  block.memory = VK_NULL_HANDLE;
  status = fill_block(block);
  if (!status) destroy(block);
  return status;
}

bool MemoryPool::give_up_spare_blocks() {
  const auto spare = [&](const std::unique_ptr<Block>& block) {
    const bool whole = block->free.size() == 1 && block->free.begin()->second == block->bytes;
    if (whole) destroy(*block);
    return whole;
  };
  return std::erase_if(blocks_, spare) > 0;
}

Result<Block*> MemoryPool::add_block(std::size_t bytes) {
  const PhysicalDevice& physical = device_.physical();
  if (bytes > physical.max_allocation_bytes)
    return fail(ErrorKind::unsupported,
                "vulkan: out of memory: {} allows {} bytes in one allocation, {} were asked for",
                physical.name, physical.max_allocation_bytes, bytes);
  auto block = std::make_unique<Block>();
  block->bytes = bytes;
  TEPUI_TRY(fill_or_make_room(*block));
  block->free[0] = bytes;
  blocks_.push_back(std::move(block));
  return blocks_.back().get();
}

Result<Range> MemoryPool::take(std::size_t bytes) {
  if (bytes > SIZE_MAX / 2)
    return fail(ErrorKind::unsupported, "vulkan: out of memory: {} bytes were asked for", bytes);
  const std::size_t size = std::max((bytes + kAlignment - 1) & ~(kAlignment - 1), kAlignment);
  const auto place = [&](Block& block) -> Range {
    for (auto it = block.free.begin(); it != block.free.end(); ++it) {
      const auto [offset, room] = *it;
      if (room < size) continue;
      block.free.erase(it);
      if (room > size) block.free[offset + size] = room - size;
      return {&block, offset, size};
    }
    return {};
  };
  for (const auto& block : blocks_) {
    const Range range = place(*block);
    if (range.block != nullptr) return range;
  }
  TEPUI_TRY(Block* const block, add_block(size > block_bytes_ / 2 ? size : block_bytes_));
  return place(*block);
}

void MemoryPool::give_back(const Range& range) {
  auto& free = range.block->free;
  auto [it, inserted] = free.emplace(range.offset, range.bytes);
  TEPUI_ASSERT(inserted);
  const auto next = std::next(it);
  if (next != free.end() && it->first + it->second == next->first) {
    it->second += next->second;
    free.erase(next);
  }
  if (it != free.begin()) {
    const auto before = std::prev(it);
    if (before->first + before->second == it->first) {
      before->second += it->second;
      free.erase(it);
    }
  }
  // A block that is whole again goes back to the device, but for one of the usual size.
  if (free.size() != 1 || free.begin()->second != range.block->bytes) return;
  if (range.block->bytes == block_bytes_) return;
  const auto at = std::ranges::find(blocks_, range.block, &std::unique_ptr<Block>::get);
  destroy(**at);
  blocks_.erase(at);
}

}  // namespace tepui::vulkan

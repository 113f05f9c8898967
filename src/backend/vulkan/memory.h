// SPDX-License-Identifier: MIT
// Device memory in pools: devices allow few allocations, and a scan has thousands of small buffers.
// A block is one allocation with one buffer over it; ranges of it are handed out by first fit.
// Large requests get a block of their own, within what the device allows a single allocation to be.
// Where the device refuses one, blocks that are kept for later are given up first.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "backend/vulkan/device.h"
#include "tepui/backend.h"

namespace tepui::vulkan {

// What is held in one piece at most where so much is asked for: a small part of a small memory.
std::size_t piece_bytes(const PhysicalDevice& device, std::size_t most);

struct Block {
  VkDeviceMemory memory = VK_NULL_HANDLE;
  VkBuffer buffer = VK_NULL_HANDLE;
  VkDeviceAddress address = 0;
  std::byte* mapped = nullptr;  // staging memory only
  std::size_t bytes = 0;
  std::map<std::size_t, std::size_t> free;  // offset -> bytes
};

struct Range {
  Block* block = nullptr;
  std::size_t offset = 0;
  std::size_t bytes = 0;  // as handed out: rounded up to kAlignment

  VkDeviceAddress address() const { return block->address + offset; }
  std::byte* mapped() const { return block->mapped + offset; }
};

class MemoryPool {
 public:
  static constexpr std::size_t kAlignment = 256;
  static constexpr std::size_t kBlockBytes = std::size_t{32} << 20;  // where memory is ample

  MemoryPool(std::shared_ptr<Device> device, Memory kind)
      : owner_(std::move(device)),
        device_(*owner_),
        kind_(kind),
        block_bytes_(piece_bytes(device_.physical(), kBlockBytes)) {}
  ~MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  Result<Range> take(std::size_t bytes);
  void give_back(const Range& range);
  std::size_t held_bytes() const;
  // Where these bytes lie, if in a block of this pool.
  Range find(std::span<const std::byte> bytes) const;

 private:
  Result<Block*> add_block(std::size_t bytes);
  Status fill_or_make_room(Block& block);
  bool give_up_spare_blocks();
  Status fill_block(Block& block);
  Result<std::uint32_t> memory_type(std::uint32_t allowed) const;
  void destroy(Block& block);

  std::shared_ptr<Device> owner_;
  Device& device_;
  Memory kind_;
  std::size_t block_bytes_;
  std::vector<std::unique_ptr<Block>> blocks_;
};

// A tepui::Buffer's storage.
class VulkanStorage : public BufferStorage {
 public:
  explicit VulkanStorage(Range range) : range_(range) {}
  const Range& range() const { return range_; }

 private:
  Range range_;
};

// A range of a pool; keeps the pool alive.
class PooledStorage final : public VulkanStorage {
 public:
  PooledStorage(std::shared_ptr<MemoryPool> pool, Range range)
      : VulkanStorage(range), pool_(std::move(pool)) {}
  ~PooledStorage() override { pool_->give_back(range()); }
  PooledStorage(const PooledStorage&) = delete;
  PooledStorage& operator=(const PooledStorage&) = delete;

 private:
  std::shared_ptr<MemoryPool> pool_;
};

// The usage of every buffer of this backend.
constexpr VkBufferUsageFlags kBufferUsage =
    VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
    VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;

// Lets the queues of all families that the device has taken use a buffer, without handing it over:
// which families these are, must live until it is made.
void share(VkBufferCreateInfo& info, const std::vector<std::uint32_t>& families);

VkDeviceAddress address_of(const Device& device, VkBuffer buffer);

}  // namespace tepui::vulkan

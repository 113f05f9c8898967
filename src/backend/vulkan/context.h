// SPDX-License-Identifier: MIT
// The Vulkan instance and what it says about the machine's devices: which of them can run this
// backend, and what the others lack.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backend/vulkan/matrix_units.h"
#include "backend/vulkan/validation.h"

namespace tepui::vulkan {

struct PhysicalDevice {
  VkPhysicalDevice handle = VK_NULL_HANDLE;
  std::string name;
  std::string driver;  // with its version
  VkPhysicalDeviceType type = VK_PHYSICAL_DEVICE_TYPE_OTHER;
  std::uint32_t api_version = 0;
  std::uint32_t vendor = 0;
  std::uint32_t device = 0;
  std::array<std::uint8_t, VK_UUID_SIZE> cache_uuid{};  // of its compiled pipelines
  VkPhysicalDeviceLimits limits{};
  std::uint32_t subgroup = 0;
  std::uint64_t memory_bytes = 0;  // of the largest heap that is the device's own
  std::uint64_t max_allocation_bytes = 0;
  VkPhysicalDeviceMemoryProperties memory{};
  std::uint32_t queue_family = 0;  // that computes
  std::uint32_t queue_count = 1;   // of it
  // Copies and does not compute: what it does goes on beside kernels.
  std::optional<std::uint32_t> transfer_family;
  std::uint32_t timestamp_bits = 0;  // of that queue's clock; 0: it has none
  bool half_arithmetic = false;
  bool int8_products = false;
  MatrixUnits matrices;
  std::uint64_t import_alignment = 0;  // of host memory it can use in place; 0: it cannot
  std::vector<std::string> lacks;      // what this backend needs and the device has not

  bool usable() const { return lacks.empty(); }
  bool software() const { return type == VK_PHYSICAL_DEVICE_TYPE_CPU; }
  // Whether host memory is worth using in place: behind a bus it would be read again and again.
  bool adopts_host_memory() const {
    return import_alignment > 0 && (software() || type == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU);
  }
};

class Context {
 public:
  static Result<std::unique_ptr<Context>> make();
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const InstanceApi& api() const { return api_; }
  const std::vector<PhysicalDevice>& devices() const { return devices_; }

  // For tests: changes what contexts that are made from now on know of each device; none: nothing.
  static void change_devices(std::function<void(PhysicalDevice&)> change);

 private:
  Context() = default;
  Status create_instance();
  Status list_devices();

  std::unique_ptr<Library> library_;
  VkInstance instance_ = VK_NULL_HANDLE;
  Validation validation_;
  InstanceApi api_;
  std::vector<PhysicalDevice> devices_;
};

// The first family that computes, rather one that draws nothing and has a clock, and one that does
// nothing but copy, if there is one; false where none computes.
bool choose_queues(std::span<const VkQueueFamilyProperties> families, PhysicalDevice& device);

// "discrete", "integrated", "virtual", "software", "other"
const char* type_name(VkPhysicalDeviceType type);

}  // namespace tepui::vulkan

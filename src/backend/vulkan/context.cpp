// SPDX-License-Identifier: MIT
#include "backend/vulkan/context.h"

#include <algorithm>
#include <atomic>
#include <string_view>

namespace tepui::vulkan {
namespace {

// Six addresses, an op's parameters and the scratch address.
constexpr std::uint32_t kPushBytes = 128;

void read_properties(const InstanceApi& api, PhysicalDevice& device) {
  VkPhysicalDeviceVulkan11Properties v11{};
  v11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES;
  VkPhysicalDeviceDriverProperties driver{};
  driver.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES;
  VkPhysicalDeviceProperties2 properties{};
  properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  api.GetPhysicalDeviceProperties2(device.handle, &properties);
  device.api_version = properties.properties.apiVersion;
  if (device.api_version >= VK_API_VERSION_1_2) {  // else these structures are unknown to it
    properties.pNext = &v11;
    v11.pNext = &driver;
    api.GetPhysicalDeviceProperties2(device.handle, &properties);
  }
  device.name = properties.properties.deviceName;
  device.driver = fmt::format("{} {}", driver.driverName, driver.driverInfo);
  device.type = properties.properties.deviceType;
  device.vendor = properties.properties.vendorID;
  device.device = properties.properties.deviceID;
  std::ranges::copy(properties.properties.pipelineCacheUUID, device.cache_uuid.begin());
  device.limits = properties.properties.limits;
  device.subgroup = v11.subgroupSize;
  device.max_allocation_bytes = v11.maxMemoryAllocationSize;
}

void read_memory(const InstanceApi& api, PhysicalDevice& device) {
  api.GetPhysicalDeviceMemoryProperties(device.handle, &device.memory);
  for (std::uint32_t i = 0; i < device.memory.memoryHeapCount; ++i) {
    const VkMemoryHeap& heap = device.memory.memoryHeaps[i];
    if ((heap.flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0)
      device.memory_bytes = std::max<std::uint64_t>(device.memory_bytes, heap.size);
  }
}

bool find_queues(const InstanceApi& api, PhysicalDevice& device) {
  std::uint32_t count = 0;
  api.GetPhysicalDeviceQueueFamilyProperties(device.handle, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  api.GetPhysicalDeviceQueueFamilyProperties(device.handle, &count, families.data());
  return choose_queues(families, device);
}

void read_import_alignment(const InstanceApi& api, PhysicalDevice& device) {
  VkPhysicalDeviceExternalMemoryHostPropertiesEXT host{};
  host.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT;
  VkPhysicalDeviceProperties2 properties{};
  properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  properties.pNext = &host;
  api.GetPhysicalDeviceProperties2(device.handle, &properties);
  device.import_alignment = host.minImportedHostPointerAlignment;
}

void read_extensions(const InstanceApi& api, PhysicalDevice& device) {
  std::uint32_t count = 0;
  api.EnumerateDeviceExtensionProperties(device.handle, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> all(count);
  api.EnumerateDeviceExtensionProperties(device.handle, nullptr, &count, all.data());
  for (const VkExtensionProperties& one : all) {
    const std::string_view name = one.extensionName;
    if (name == kWorkgroupExtension) device.matrices.nv = true;
    if (name == kMatrixExtension) device.matrices.khr = true;
    if (name == "VK_KHR_shader_integer_dot_product") device.int8_products = true;
    if (name == VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME) read_import_alignment(api, device);
  }
}

void read_features(const InstanceApi& api, PhysicalDevice& device) {
  VkPhysicalDeviceVulkan12Features v12{};
  v12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  VkPhysicalDeviceVulkan11Features v11{};
  v11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
  v11.pNext = &v12;
  VkPhysicalDeviceFeatures2 features{};
  features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  features.pNext = &v11;
  api.GetPhysicalDeviceFeatures2(device.handle, &features);
  const auto need = [&](bool there, const char* what) {
    if (!there) device.lacks.emplace_back(what);
  };
  need(v12.bufferDeviceAddress != 0, "buffer device addresses");
  need(v12.timelineSemaphore != 0, "timeline semaphores");
  need(v12.scalarBlockLayout != 0, "scalar block layout");
  need(v11.storageBuffer16BitAccess != 0, "16-bit storage");
  need(device.limits.maxPushConstantsSize >= kPushBytes, "128 bytes of push constants");
  need(device.limits.maxComputeSharedMemorySize >= 16384, "16 KiB of shared memory");
  need(device.limits.maxComputeWorkGroupInvocations >= 256, "workgroups of 256");
  device.half_arithmetic = v12.shaderFloat16 != 0;
}

// Where kernels for matrix units can run here, the shape that they take.
void read_matrix_units(const Library& library, VkInstance instance, const InstanceApi& api,
                       PhysicalDevice& device) {
  const bool room = device.limits.maxComputeWorkGroupInvocations >= 4 * device.subgroup;
  if (room && device.half_arithmetic && has_matrix_features(api, device.handle))
    device.matrices.shape =
        choose_matrix_shape(matrix_properties(library, instance, device.handle), device.subgroup,
                            device.limits.maxComputeSharedMemorySize);
  // Their modules are SPIR-V 1.6.
  if (device.matrices.shape && device.matrices.nv && device.api_version >= VK_API_VERSION_1_3)
    device.matrices.workgroup = workgroup_tile(library, instance, api, device.handle);
}

std::function<void(PhysicalDevice&)>& changed_devices() {
  static std::function<void(PhysicalDevice&)> change;
  return change;
}

}  // namespace

void Context::change_devices(std::function<void(PhysicalDevice&)> change) {
  changed_devices() = std::move(change);
}

bool choose_queues(std::span<const VkQueueFamilyProperties> families, PhysicalDevice& device) {
  // Others that copy are for video.
  constexpr VkQueueFlags kBeside = VK_QUEUE_SPARSE_BINDING_BIT | VK_QUEUE_PROTECTED_BIT;
  // Where a family draws too, drivers take long work for a screen that hangs, sooner than
  // elsewhere.
  enum { kNone, kDraws, kOnlyComputes } found = kNone;
  for (std::uint32_t i = 0; i < families.size(); ++i) {
    const VkQueueFlags flags = families[i].queueFlags;
    const bool draws = (flags & VK_QUEUE_GRAPHICS_BIT) != 0 || families[i].timestampValidBits == 0;
    const auto kind = (flags & VK_QUEUE_COMPUTE_BIT) == 0 ? kNone : draws ? kDraws : kOnlyComputes;
    if (kind > found) {
      found = kind;
      device.queue_family = i;
      device.queue_count = families[i].queueCount;
      device.timestamp_bits = families[i].timestampValidBits;
    }
    const bool copies = (flags & ~kBeside) == VK_QUEUE_TRANSFER_BIT;
    if (copies && !device.transfer_family) device.transfer_family = i;
  }
  return found != kNone;
}

const char* type_name(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return "discrete";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return "integrated";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: return "virtual";
    case VK_PHYSICAL_DEVICE_TYPE_CPU: return "software";
    default: return "other";
  }
}

Context::~Context() {
  if (instance_ == VK_NULL_HANDLE) return;
  // The first instance stays to the end of the process, and with it the drivers: NVIDIA's cannot be
  // loaded again after some dozens of times, and takes long to load.
  static std::atomic<bool> kept = false;
  if (!validation_.wanted() && api_.DestroyInstance != nullptr && !kept.exchange(true)) {
    library_->handle = nullptr;  // not to be closed
    return;
  }
  validation_.stop(*library_, instance_);
  if (api_.DestroyInstance != nullptr) api_.DestroyInstance(instance_, nullptr);
}

Result<std::unique_ptr<Context>> Context::make() {
  std::unique_ptr<Context> context(new Context());
  TEPUI_TRY(context->library_, load_library());
  TEPUI_TRY(context->create_instance());
  TEPUI_TRY(context->list_devices());
  return context;
}

Status Context::create_instance() {
  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  application.pApplicationName = "tepui";
  application.apiVersion = VK_API_VERSION_1_3;  // at most; 1.2 will do
  VkInstanceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  info.pApplicationInfo = &application;
  validation_.attach(info);
  TEPUI_TRY(check(library_->CreateInstance(&info, nullptr, &instance_), "creating an instance"));
  TEPUI_TRY(load_instance(*library_, instance_, api_));
  return validation_.start(*library_, instance_);
}

Status Context::list_devices() {
  std::uint32_t count = 0;
  TEPUI_TRY(check(api_.EnumeratePhysicalDevices(instance_, &count, nullptr), "listing devices"));
  std::vector<VkPhysicalDevice> handles(count);
  TEPUI_TRY(
      check(api_.EnumeratePhysicalDevices(instance_, &count, handles.data()), "listing devices"));
  for (const VkPhysicalDevice handle : handles) {
    PhysicalDevice device;
    device.handle = handle;
    read_properties(api_, device);
    read_memory(api_, device);
    if (device.api_version < VK_API_VERSION_1_2) {
      device.lacks.push_back("Vulkan 1.2");
    } else {
      read_features(api_, device);
      read_extensions(api_, device);
      if (device.matrices.khr) read_matrix_units(*library_, instance_, api_, device);
    }
    if (!find_queues(api_, device)) device.lacks.push_back("a compute queue");
    if (changed_devices()) changed_devices()(device);
    devices_.push_back(std::move(device));
  }
  return {};
}

}  // namespace tepui::vulkan

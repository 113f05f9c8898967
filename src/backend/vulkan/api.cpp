// SPDX-License-Identifier: MIT
#include "backend/vulkan/api.h"

#include <dlfcn.h>

namespace tepui::vulkan {

Library::~Library() {
  if (handle != nullptr) ::dlclose(handle);
}

Result<std::unique_ptr<Library>> load_library() {
  auto library = std::make_unique<Library>();
  library->handle = ::dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library->handle == nullptr)
    return fail(ErrorKind::unsupported,
                "vulkan: libvulkan.so.1 is not installed (Debian: libvulkan1 and a driver)");
  library->GetInstanceProcAddr = reinterpret_cast<PFN_vkGetInstanceProcAddr>(
      ::dlsym(library->handle, "vkGetInstanceProcAddr"));
  if (library->GetInstanceProcAddr == nullptr)
    return fail(ErrorKind::unsupported, "vulkan: libvulkan.so.1 has no vkGetInstanceProcAddr");
#define TEPUI_VK_LOAD(name)                                                              \
  library->name =                                                                        \
      reinterpret_cast<PFN_vk##name>(library->GetInstanceProcAddr(nullptr, "vk" #name)); \
  if (library->name == nullptr)                                                          \
    return fail(ErrorKind::unsupported, "vulkan: the loader has no vk" #name);
  TEPUI_VK_GLOBAL(TEPUI_VK_LOAD)
#undef TEPUI_VK_LOAD
  return library;
}

Status load_instance(const Library& library, VkInstance instance, InstanceApi& api) {
#define TEPUI_VK_LOAD(name)                                                                     \
  api.name = reinterpret_cast<PFN_vk##name>(library.GetInstanceProcAddr(instance, "vk" #name)); \
  if (api.name == nullptr)                                                                      \
    return fail(ErrorKind::unsupported, "vulkan: the instance has no vk" #name);
  TEPUI_VK_INSTANCE(TEPUI_VK_LOAD)
#undef TEPUI_VK_LOAD
  return {};
}

Status load_device(const InstanceApi& instance, VkDevice device, DeviceApi& api) {
#define TEPUI_VK_LOAD(name)                                                                  \
  api.name = reinterpret_cast<PFN_vk##name>(instance.GetDeviceProcAddr(device, "vk" #name)); \
  if (api.name == nullptr)                                                                   \
    return fail(ErrorKind::unsupported, "vulkan: the device has no vk" #name);
  TEPUI_VK_DEVICE(TEPUI_VK_LOAD)
#undef TEPUI_VK_LOAD
  return {};
}

std::string result_text(VkResult result) {
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY: return "out of host memory";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY: return "out of device memory";
    case VK_ERROR_DEVICE_LOST:
      return "the device was lost (a driver reset, or a fault in a kernel)";
    case VK_ERROR_INCOMPATIBLE_DRIVER: return "no driver was found";
    case VK_ERROR_INITIALIZATION_FAILED: return "the driver could not be initialised";
    case VK_ERROR_TOO_MANY_OBJECTS: return "too many allocations";
    case VK_ERROR_FEATURE_NOT_PRESENT: return "a feature is missing";
    case VK_ERROR_LAYER_NOT_PRESENT: return "the validation layer is not installed";
    case VK_ERROR_EXTENSION_NOT_PRESENT: return "an extension is missing";
    default: return fmt::format("error {}", static_cast<int>(result));
  }
}

}  // namespace tepui::vulkan

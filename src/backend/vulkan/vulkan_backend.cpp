// SPDX-License-Identifier: MIT
#include "backend/vulkan/vulkan_backend.h"

#include "backend/vulkan/backend_impl.h"
#include "backend/vulkan/device_list.h"

namespace tepui {

using vulkan::PreparedVulkan;
using vulkan::VulkanBackend;

namespace {

Result<std::unique_ptr<Backend>> open_device(const std::shared_ptr<const vulkan::Context>& context,
                                             std::size_t index, const BackendOptions& options) {
  TEPUI_TRY(const vulkan::MatrixUse use,
            vulkan::matrices_wanted(context->devices()[index].matrices,
                                    context->devices()[index].software()));
  TEPUI_TRY(std::shared_ptr<vulkan::Device> device, vulkan::Device::make(context, index, use));
  return VulkanBackend::make(std::move(device), use, options.profile);
}

}  // namespace

Result<std::unique_ptr<Backend>> make_vulkan_backend(std::string_view which,
                                                     const BackendOptions& options) {
  TEPUI_TRY(std::shared_ptr<const vulkan::Context> context, vulkan::Context::make());
  TEPUI_TRY(const std::size_t index, vulkan::choose_device(context->devices(), which));
  return open_device(context, index, options);
}

Result<std::unique_ptr<Backend>> make_gpu_backend(const BackendOptions& options) {
  auto made = vulkan::Context::make();
  if (!made) return nullptr;  // no loader, no driver
  const std::shared_ptr<const vulkan::Context> context = *std::move(made);
  const auto index = vulkan::find_gpu(context->devices());
  if (!index) return nullptr;
  return open_device(context, *index, options);
}

Result<std::vector<DeviceListing>> list_vulkan_devices() {
  TEPUI_TRY(const auto context, vulkan::Context::make());
  std::vector<DeviceListing> list;
  for (const vulkan::PhysicalDevice& device : context->devices()) {
    list.push_back(vulkan::listing_of(device, list.size()));
  }
  return list;
}

int vulkan::dispatch_count(const Prepared& prepared) {
  return dynamic_cast<const PreparedVulkan&>(prepared).dispatches();
}

std::span<const double> vulkan::step_seconds(const Prepared& prepared) {
  return dynamic_cast<const PreparedVulkan&>(prepared).step_seconds();
}

Result<vulkan::Peak> vulkan::measure_peak(Backend& backend) {
  return dynamic_cast<VulkanBackend&>(backend).measure_peak();
}

}  // namespace tepui

// SPDX-License-Identifier: MIT
#include "backend/vulkan/validation.h"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace tepui::vulkan {
namespace {

std::string_view setting() {
  const char* value = std::getenv("TEPUI_VULKAN_VALIDATION");
  return value == nullptr ? "" : value;
}

VKAPI_ATTR VkBool32 VKAPI_CALL report(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                      VkDebugUtilsMessageTypeFlagsEXT,
                                      const VkDebugUtilsMessengerCallbackDataEXT* data, void*) {
  fmt::print(stderr, "vulkan validation: {}\n", data->pMessage);
  if (setting() == "abort") std::abort();
  return VK_FALSE;
}

constexpr const char* kLayer = "VK_LAYER_KHRONOS_validation";
constexpr const char* kMessages = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
constexpr VkValidationFeatureEnableEXT kSynchronization =
    VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;

}  // namespace

Validation::Validation() : wanted_(setting() == "1" || setting() == "abort") {
  messenger_.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT;
  messenger_.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT |
                               VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT;
  messenger_.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
  messenger_.pfnUserCallback = report;
  features_.sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT;
  features_.enabledValidationFeatureCount = 1;
  features_.pEnabledValidationFeatures = &kSynchronization;
}

void Validation::attach(VkInstanceCreateInfo& info) {
  if (!wanted_) return;
  info.enabledLayerCount = 1;
  info.ppEnabledLayerNames = &kLayer;
  info.enabledExtensionCount = 1;
  info.ppEnabledExtensionNames = &kMessages;
  features_.pNext = &messenger_;
  info.pNext = &features_;
}

Status Validation::start(const Library& library, VkInstance instance) {
  if (!wanted_) return {};
  const auto create = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
      library.GetInstanceProcAddr(instance, "vkCreateDebugUtilsMessengerEXT"));
  if (create == nullptr)
    return fail(ErrorKind::unsupported, "vulkan: the validation layer gives no messages");
  return check(create(instance, &messenger_, nullptr, &listener_), "the validation messages");
}

void Validation::stop(const Library& library, VkInstance instance) const {
  if (listener_ == VK_NULL_HANDLE) return;
  const auto destroy = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
      library.GetInstanceProcAddr(instance, "vkDestroyDebugUtilsMessengerEXT"));
  if (destroy != nullptr) destroy(instance, listener_, nullptr);
}

}  // namespace tepui::vulkan

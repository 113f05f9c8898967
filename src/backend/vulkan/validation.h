// SPDX-License-Identifier: MIT
// The validation layer, for tests and for whoever looks for a mistake: $TEPUI_VULKAN_VALIDATION = 1
// loads it with its synchronization checks and writes what it finds to stderr; = abort ends the
// program there as well, so that no test can pass over it.
#pragma once

#include "backend/vulkan/api.h"

namespace tepui::vulkan {

class Validation {
 public:
  Validation();
  bool wanted() const { return wanted_; }
  // Adds the layer to what an instance is made with; must outlive the making.
  void attach(VkInstanceCreateInfo& info);
  // Listens to an instance made so, until stop.
  Status start(const Library& library, VkInstance instance);
  void stop(const Library& library, VkInstance instance) const;

 private:
  bool wanted_ = false;
  VkDebugUtilsMessengerEXT listener_ = VK_NULL_HANDLE;
  VkDebugUtilsMessengerCreateInfoEXT messenger_{};
  VkValidationFeaturesEXT features_{};
};

}  // namespace tepui::vulkan

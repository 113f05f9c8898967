// SPDX-License-Identifier: MIT
// Which device a name means, and what `tepui devices` says of each.
#pragma once

#include <string_view>
#include <vector>

#include "backend/registry.h"
#include "backend/vulkan/context.h"

namespace tepui::vulkan {

// `which` is a number in the order of Vulkan's list, or empty for the best usable device: discrete
// before integrated before virtual before software ones.
Result<std::size_t> choose_device(const Context& context, std::string_view which);

DeviceListing listing_of(const PhysicalDevice& device, std::size_t index);

}  // namespace tepui::vulkan

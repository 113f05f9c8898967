// SPDX-License-Identifier: MIT
// Which device a name means, and what `tepui devices` says of each.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "backend/registry.h"
#include "backend/vulkan/context.h"

namespace tepui::vulkan {

// `which` is a number in the order of Vulkan's list, or empty for the best usable device: discrete
// before integrated before virtual before software ones.
Result<std::size_t> choose_device(std::span<const PhysicalDevice> devices, std::string_view which);

// The best usable device that is no software one: what `auto` takes, if there is one.
std::optional<std::size_t> find_gpu(std::span<const PhysicalDevice> devices);

DeviceListing listing_of(const PhysicalDevice& device, std::size_t index);

}  // namespace tepui::vulkan

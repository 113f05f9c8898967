// SPDX-License-Identifier: MIT
// Host memory that a device uses in place, where the two share their memory: a mapped file's
// weights need no copy.
#pragma once

#include <memory>
#include <span>

#include "backend/vulkan/memory.h"

namespace tepui::vulkan {

// The bytes, or nothing where the device, the driver or the place of the bytes does not allow it:
// shaders read words, so that they must begin at a multiple of 16. The bytes must outlive it.
std::unique_ptr<BufferStorage> import_memory(const std::shared_ptr<Device>& device,
                                             std::span<const std::byte> bytes);

}  // namespace tepui::vulkan

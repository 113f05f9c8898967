// SPDX-License-Identifier: MIT
// How much shared memory a workgroup of a shader takes. Drivers need not refuse a pipeline that
// takes more than the device has (VUID-RuntimeSpirv-Workgroup-06530); what it then does is
// undefined.
#pragma once

#include <optional>

#include "backend/vulkan/shader_library.h"

namespace tepui::vulkan {

// In bytes, of the variables that the code declares, with these constants, by the rules of Vulkan's
// maxComputeSharedMemorySize (standard storage buffer layout). Nothing where a length is computed
// by an instruction that is not known here.
std::optional<std::uint64_t> shared_bytes(std::span<const std::uint32_t> code,
                                          const Constants& constants);

}  // namespace tepui::vulkan

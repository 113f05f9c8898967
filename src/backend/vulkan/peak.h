// SPDX-License-Identifier: MIT
// What a device reaches at best, measured by its own clock: what benchmarks give shares of.
#pragma once

#include <memory>

#include "backend/vulkan/shader_library.h"

namespace tepui::vulkan {

struct Peak {
  double flops = 0;         // f32 multiply-adds a second on registers, each counted as two
  double bytes = 0;         // a second, read and written, of a copy beyond all caches
  double matrix_flops = 0;  // of products of halves summed in f32, on registers, likewise; 0: none
};

Result<Peak> measure_peak(const std::shared_ptr<Device>& device, ShaderLibrary& shaders,
                          const std::optional<MatrixShape>& matrix, std::uint64_t& issued);

}  // namespace tepui::vulkan

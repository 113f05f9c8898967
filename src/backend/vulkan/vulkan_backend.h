// SPDX-License-Identifier: MIT
// The Vulkan backend: Programs as compute shaders on one queue. A run and the downloads that are
// issued right behind it are one submission, which is made with the next call that does not
// download; tickets are values of the queue's timeline; transfers go through staging memory.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "backend/registry.h"
#include "backend/vulkan/peak.h"
#include "tepui/backend.h"

namespace tepui {

// `which` is the number of a device in the order of Vulkan's list, or empty for the best one.
Result<std::unique_ptr<Backend>> make_vulkan_backend(std::string_view which,
                                                     const BackendOptions& options);

// The best device that is a real GPU; null where there is none.
Result<std::unique_ptr<Backend>> make_gpu_backend(const BackendOptions& options);

// All that Vulkan has, the unusable ones with what they lack.
Result<std::vector<DeviceListing>> list_vulkan_devices();

namespace vulkan {
// Of the step list of a prepared Program: how many dispatches a run issues.
int dispatch_count(const Prepared& prepared);
// The seconds of each step so far by the device's clock, if the backend was made with `profile`: of
// steps that run together the first has them all.
std::span<const double> step_seconds(const Prepared& prepared);
Result<Peak> measure_peak(Backend& backend);
}  // namespace vulkan

}  // namespace tepui

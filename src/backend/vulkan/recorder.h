// SPDX-License-Identifier: MIT
// Records a Program's dispatches and puts a barrier where a step touches memory that an earlier one
// wrote, or writes memory that an earlier one read; steps that share nothing may overlap. Works on
// addresses, so that temporaries that share a place of the arena and slices that a caller laid over
// each other are seen as well.
#pragma once

#include <span>
#include <vector>

#include "backend/vulkan/hazards.h"
#include "backend/vulkan/memory.h"
#include "backend/vulkan/shader_library.h"

namespace tepui::vulkan {

class Recorder {
 public:
  Recorder(const Device& device, VkPipelineLayout layout, VkCommandBuffer commands)
      : device_(device), layout_(layout), commands_(commands) {}

  void dispatch(VkPipeline pipeline, const PushBlock& push, std::uint64_t groups,
                std::span<const AddressRange> reads, std::span<const AddressRange> writes);
  void clear(const Range& arena, std::size_t offset, std::size_t bytes);
  void copy(const Range& from, std::size_t from_offset, const Range& to, std::size_t to_offset,
            std::size_t bytes);

  const BackendCounters& counters() const { return counters_; }

  // A grid of at least so many workgroups with no side beyond 65,535; shaders count across x first.
  static std::pair<std::uint32_t, std::uint32_t> fold(std::uint64_t groups);

 private:
  void order(std::span<const AddressRange> reads, std::span<const AddressRange> writes);

  const Device& device_;
  VkPipelineLayout layout_;
  VkCommandBuffer commands_;
  Hazards hazards_;
  BackendCounters counters_;
};

}  // namespace tepui::vulkan

// SPDX-License-Identifier: MIT
#include "backend/vulkan/recorder.h"

#include <algorithm>

namespace tepui::vulkan {
namespace {

AddressRange address_range(const Range& range, std::size_t offset, std::size_t bytes) {
  return {range.address() + offset, range.address() + offset + bytes};
}

}  // namespace

std::pair<std::uint32_t, std::uint32_t> Recorder::fold(std::uint64_t groups) {
  constexpr std::uint64_t kSide = 65535;
  if (groups <= kSide) return {static_cast<std::uint32_t>(groups), 1};
  const std::uint64_t rows = (groups + kSide - 1) / kSide;
  const std::uint64_t columns = (groups + rows - 1) / rows;
  return {static_cast<std::uint32_t>(columns), static_cast<std::uint32_t>(rows)};
}

void Recorder::order(std::span<const AddressRange> reads, std::span<const AddressRange> writes) {
  if (!hazards_.barrier_before(reads, writes)) return;
  device_.queue().barrier(commands_);
  ++counters_.barriers;
}

void Recorder::dispatch(VkPipeline pipeline, const PushBlock& push, std::uint64_t groups,
                        std::span<const AddressRange> reads, std::span<const AddressRange> writes) {
  if (groups == 0) return;
  order(reads, writes);
  const DeviceApi& api = device_.api();
  api.CmdBindPipeline(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
  api.CmdPushConstants(commands_, layout_, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(push), &push);
  const auto [x, y] = fold(groups);
  api.CmdDispatch(commands_, x, y, 1);
  ++counters_.dispatches;
}

void Recorder::clear(const Range& arena, std::size_t offset, std::size_t bytes) {
  if (bytes == 0) return;
  const AddressRange range = address_range(arena, offset, bytes);
  order({}, {&range, 1});
  device_.api().CmdFillBuffer(commands_, arena.block->buffer, arena.offset + offset, bytes, 0);
}

void Recorder::copy(const Range& from, std::size_t from_offset, const Range& to,
                    std::size_t to_offset, std::size_t bytes) {
  if (bytes == 0) return;
  const AddressRange reads = address_range(from, from_offset, bytes);
  const AddressRange writes = address_range(to, to_offset, bytes);
  order({&reads, 1}, {&writes, 1});
  const VkBufferCopy piece{from.offset + from_offset, to.offset + to_offset, bytes};
  device_.api().CmdCopyBuffer(commands_, from.block->buffer, to.block->buffer, 1, &piece);
}

}  // namespace tepui::vulkan

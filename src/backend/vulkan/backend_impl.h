// SPDX-License-Identifier: MIT
// The backend itself, for those that make it (vulkan_backend.cpp) and its own functions. A
// companion has queues, tickets and memory of its own on the same device, and its work comes behind
// the first one's only where a ticket says so.
#pragma once

#include <map>
#include <memory>

#include "backend/vulkan/peak.h"
#include "backend/vulkan/prepared.h"
#include "backend/vulkan/staging.h"
#include "backend/vulkan/timer.h"
#include "tepui/backend.h"

namespace tepui::vulkan {

class VulkanBackend final : public Backend {
 public:
  // The device's first; profiling, it times every step.
  static Result<std::unique_ptr<VulkanBackend>> make(std::shared_ptr<Device> device, MatrixUse use,
                                                     bool profile);
  ~VulkanBackend() override;
  VulkanBackend(const VulkanBackend&) = delete;
  VulkanBackend& operator=(const VulkanBackend&) = delete;

  const DeviceInfo& device() const override { return info_; }
  bool can_run(const Step& step, const Program& program) const override;
  std::size_t scratch_bytes(const Program& program) const override;
  std::size_t storage_bytes(const TensorType& type) const override {
    return is_packed(type.dtype) ? packed_bytes(type, traits_) : type.bytes();
  }
  std::int64_t packed_rows() const override { return kPanelColumns; }
  std::unique_ptr<Backend> companion() const override;
  Ticket flush() override;
  Result<Buffer> allocate(std::size_t bytes, Memory memory) override;
  std::span<std::byte> host_view(const Buffer& staging) const override;
  Result<Buffer> adopt(std::span<const std::byte> bytes) override;
  Ticket upload(BufferSlice to, std::span<const std::byte> from, Tickets after) override;
  Ticket download(std::span<std::byte> to, BufferSlice from, Tickets after) override;
  Result<std::unique_ptr<Prepared>> prepare(const Program& program) override;
  Ticket run(Prepared& prepared, const Bindings& bindings, Tickets after) override;
  Status wait(Ticket ticket) override;
  BackendCounters counters() const override;

  Result<Peak> measure_peak() {
    return vulkan::measure_peak(device_, *shaders_, traits_.matrix, issued_);
  }

 private:
  // What the backends of a device have in common.
  struct Common {
    std::shared_ptr<Device> device;
    DeviceTraits traits;
    std::shared_ptr<ShaderLibrary> shaders;
    DeviceInfo info;
  };
  // With queues of its own, or, without, the device's.
  VulkanBackend(Common common, bool profile, std::unique_ptr<Queue> computes,
                std::unique_ptr<Queue> transfers);

  std::uint32_t queue_number() const { return is_companion() ? 1 : 0; }
  bool is_companion() const { return own_queue_ != nullptr; }
  // What goes to `queue` from now on comes behind these, and behind the other queue's part of them.
  void start_behind(Queue& queue, Tickets after);
  Status failed(Tickets tickets) const;  // the first error among them
  Ticket record(const Status& status);
  Status run_steps(PreparedVulkan& planned, const Bindings& bindings);
  Status run_timed(PreparedVulkan& planned, const Bindings& bindings);
  Status check_alignment(const Program& program, const Bindings& bindings) const;
  Status make_arena(std::size_t bytes);
  void count(const PreparedVulkan& planned, const Recorder& recorder);

  std::shared_ptr<Device> device_;
  DeviceTraits traits_;
  std::shared_ptr<ShaderLibrary> shaders_;
  DeviceInfo info_;
  bool profile_;
  std::unique_ptr<Timer> timer_;  // where it profiles
  std::unique_ptr<Queue> own_queue_;
  std::unique_ptr<Queue> own_transfers_;
  Queue& queue_;
  Queue& transfers_;  // may be the same
  std::shared_ptr<MemoryPool> pool_;
  std::shared_ptr<MemoryPool> host_pool_;
  std::uint64_t issued_ = 0;  // the last ticket's count; the timelines' values are counts
  Staging staging_;
  std::map<std::uint64_t, Error> errors_;
  Range arena_;               // of all Programs: runs follow each other on their queue
  BackendCounters counters_;  // but for the queues'
};

}  // namespace tepui::vulkan

// SPDX-License-Identifier: MIT
#include "backend/vulkan/queue.h"

#include <algorithm>

namespace tepui::vulkan {

Result<std::unique_ptr<Queue>> Queue::make(const DeviceApi& api, VkDevice device,
                                           const DeviceQueue& queue, std::mutex& submitting) {
  std::unique_ptr<Queue> made(new Queue(api, device, queue, submitting));
  TEPUI_TRY(made->create());
  return made;
}

Queue::~Queue() {
  if (timeline_ != VK_NULL_HANDLE) api_.DestroySemaphore(device_, timeline_, nullptr);
  if (pool_ != VK_NULL_HANDLE) api_.DestroyCommandPool(device_, pool_, nullptr);
}

Status Queue::create() {
  VkCommandPoolCreateInfo pool{};
  pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  pool.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  pool.queueFamilyIndex = queue_.family;
  TEPUI_TRY(check(api_.CreateCommandPool(device_, &pool, nullptr, &pool_), "a command pool"));
  VkSemaphoreTypeCreateInfo type{};
  type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo semaphore{};
  semaphore.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
  semaphore.pNext = &type;
  return check(api_.CreateSemaphore(device_, &semaphore, nullptr, &timeline_), "a timeline");
}

Result<VkCommandBuffer> Queue::commands() {
  std::uint64_t done = 0;
  TEPUI_TRY(check(api_.GetSemaphoreCounterValue(device_, timeline_, &done), "the timeline"));
  for (InFlight& one : buffers_) {
    if (one.value > done) continue;
    one.value = UINT64_MAX;  // until it is submitted
    return one.commands;
  }
  VkCommandBufferAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  info.commandPool = pool_;
  info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  info.commandBufferCount = 1;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  TEPUI_TRY(check(api_.AllocateCommandBuffers(device_, &info, &commands), "a command buffer"));
  buffers_.push_back({UINT64_MAX, commands});
  return commands;
}

void Queue::set_value(VkCommandBuffer commands, std::uint64_t value) {
  for (InFlight& one : buffers_) {
    if (one.commands == commands) one.value = value;
  }
}

// Without the host: for it a device may empty caches that its kernels go on using.
void Queue::barrier(VkCommandBuffer commands) const { barrier(commands, 0, 0); }

void Queue::barrier(VkCommandBuffer commands, VkPipelineStageFlags host,
                    VkAccessFlags host_reads) const {
  VkMemoryBarrier memory{};
  memory.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
  memory.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  memory.dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
  VkPipelineStageFlags stages = VK_PIPELINE_STAGE_TRANSFER_BIT;
  if (queue_.computes) {
    stages |= VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
    memory.srcAccessMask |= VK_ACCESS_SHADER_WRITE_BIT;
    memory.dstAccessMask |= VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
  }
  memory.dstAccessMask |= host_reads;
  api_.CmdPipelineBarrier(commands, stages, stages | host, 0, 1, &memory, 0, nullptr, 0, nullptr);
}

Status Queue::open(std::uint64_t value) {
  TEPUI_TRY(const VkCommandBuffer buffer, commands());
  VkCommandBufferBeginInfo begin{};
  begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  const Status begun = check(api_.BeginCommandBuffer(buffer, &begin), "recording");
  if (!begun) {
    set_value(buffer, 0);
    return begun;
  }
  open_ = Open{buffer, value, value};
  return {};
}

Status Queue::record(std::uint64_t value, Work work, const Record& commands) {
  if (lost_) return tl::unexpected<Error>(*lost_);
  if (!open_) {
    TEPUI_TRY(open(value));
    ++(work == Work::program ? counters_.submissions : counters_.copy_submissions);
  }
  barrier(open_->commands);
  commands(open_->commands);
  open_->last = value;
  return {};
}

void Queue::start_behind(VkSemaphore timeline, std::uint64_t value) {
  if (value == 0) return;
  (void)flush();  // what was recorded need not wait; a failure is kept for its values
  behind_.push_back(timeline);
  behind_values_.push_back(value);
}

Status Queue::submit_open() {
  barrier(open_->commands, VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT);  // staging memory
  TEPUI_TRY(check(api_.EndCommandBuffer(open_->commands), "recording"));
  VkTimelineSemaphoreSubmitInfo timeline{};
  timeline.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
  timeline.signalSemaphoreValueCount = 1;
  timeline.pSignalSemaphoreValues = &open_->last;
  timeline.waitSemaphoreValueCount = static_cast<std::uint32_t>(behind_values_.size());
  timeline.pWaitSemaphoreValues = behind_values_.data();
  const std::vector<VkPipelineStageFlags> stages(behind_.size(),
                                                 VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
  VkSubmitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  info.pNext = &timeline;
  info.commandBufferCount = 1;
  info.pCommandBuffers = &open_->commands;
  info.signalSemaphoreCount = 1;
  info.pSignalSemaphores = &timeline_;
  info.waitSemaphoreCount = static_cast<std::uint32_t>(behind_.size());
  info.pWaitSemaphores = behind_.data();
  info.pWaitDstStageMask = stages.data();
  const VkResult submitted = [&] {
    const std::lock_guard lock(submitting_);
    return api_.QueueSubmit(queue_.handle, 1, &info, VK_NULL_HANDLE);
  }();
  Status status = check(submitted, "submitting");
  if (submitted == VK_ERROR_DEVICE_LOST) lose(status.error());
  if (status) {
    behind_.clear();
    behind_values_.clear();
  }
  return status;
}

// A device that is lost returns from this; what it worked on may be destroyed then.
void Queue::lose(const Error& error) {
  lost_ = error;
  const std::lock_guard lock(submitting_);
  (void)api_.DeviceWaitIdle(device_);
}

Status Queue::flush() {
  if (!open_) return {};
  const Status status = submit_open();
  const Open done = *open_;
  open_.reset();
  last_recorded_ = done.last;
  if (!status) {
    failed_.push_back({done.first, done.last, status.error()});
    set_value(done.commands, 0);
    return status;
  }
  set_value(done.commands, done.last);
  last_submitted_ = done.last;
  return {};
}

Status Queue::submit(std::uint64_t value, Work work, const Record& commands) {
  TEPUI_TRY(record(value, work, commands));
  return flush();
}

Status Queue::state(std::uint64_t value) const {
  for (const Failed& one : failed_) {
    if (one.first <= value && value <= one.last) return tl::unexpected<Error>(one.error);
  }
  if (lost_ && value > reached_) return tl::unexpected<Error>(*lost_);
  return {};
}

// What the submission that holds a value's commands signals: several values share one.
std::uint64_t Queue::signal_behind(std::uint64_t value) const {
  std::uint64_t signal = last_submitted_;
  for (const InFlight& one : buffers_) {
    if (one.value >= value) signal = std::min(signal, one.value);
  }
  return signal;
}

Status Queue::wait(std::uint64_t value) {
  (void)flush();  // the device has more to do meanwhile; a failure is kept for its values
  TEPUI_TRY(state(value));
  if (value <= reached_) return {};
  value = signal_behind(value);
  if (value <= reached_) return {};
  VkSemaphoreWaitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
  info.semaphoreCount = 1;
  info.pSemaphores = &timeline_;
  info.pValues = &value;
  ++counters_.waits;
  const VkResult waited = api_.WaitSemaphores(device_, &info, UINT64_MAX);
  Status status = check(waited, "waiting for the device");
  if (!status)
    lose(status.error());  // whatever it says, what was not reached cannot be relied on
  else
    reached_ = value;
  return status;
}

Status Queue::wait_for_all() {
  (void)flush();
  return wait(last_submitted_);
}

}  // namespace tepui::vulkan

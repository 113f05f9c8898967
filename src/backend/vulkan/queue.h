// SPDX-License-Identifier: MIT
// A stream of work on one of a device's queues: commands are recorded behind each other, submitted
// together, and counted by a timeline. Submissions run in order, each with all memory of the
// earlier ones visible. Several may share a queue of the device, each for a thread of its own.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "backend/vulkan/api.h"
#include "tepui/backend.h"

namespace tepui::vulkan {

// One of a device's queues.
struct DeviceQueue {
  VkQueue handle = VK_NULL_HANDLE;
  std::uint32_t family = 0;
  bool computes = true;  // else it copies only
};

class Queue {
 public:
  // What a submission counts as: by what was recorded first.
  enum class Work : std::uint8_t { copies, program };
  using Record = std::function<void(VkCommandBuffer)>;

  // `submitting` is held by whoever submits to any queue of the device.
  static Result<std::unique_ptr<Queue>> make(const DeviceApi& api, VkDevice device,
                                             const DeviceQueue& queue, std::mutex& submitting);
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // Records commands behind those that are not submitted yet; the timeline reaches `value`, which
  // must exceed all earlier ones, when they are done. They are submitted by the next flush() or
  // wait().
  Status record(std::uint64_t value, Work work, const Record& commands);
  Status flush();
  Status submit(std::uint64_t value, Work work, const Record& commands);
  // What is submitted from now on starts when the other's timeline has reached the value, and sees
  // what was written until then. It must have been submitted there.
  void start_behind(VkSemaphore timeline, std::uint64_t value);
  // Until the timeline reaches the value; fails where its commands could not be submitted, or the
  // device was lost.
  Status wait(std::uint64_t value);
  Status wait_for_all();
  // An error where commands up to this value's are known to have failed.
  Status state(std::uint64_t value) const;
  std::uint64_t last_recorded() const { return open_ ? open_->last : last_recorded_; }
  std::uint64_t last_submitted() const { return last_submitted_; }
  VkSemaphore timeline() const { return timeline_; }

  // Everything before is visible to everything behind, on the device.
  void barrier(VkCommandBuffer commands) const;

  const BackendCounters& counters() const { return counters_; }

 private:
  Queue(const DeviceApi& api, VkDevice device, const DeviceQueue& queue, std::mutex& submitting)
      : api_(api), device_(device), queue_(queue), submitting_(submitting) {}
  Status create();
  Result<VkCommandBuffer> commands();
  void barrier(VkCommandBuffer commands, VkPipelineStageFlags host, VkAccessFlags host_reads) const;
  Status open(std::uint64_t value);
  Status submit_open();
  void lose(const Error& error);
  std::uint64_t signal_behind(std::uint64_t value) const;
  void set_value(VkCommandBuffer commands, std::uint64_t value);

  struct Open {
    VkCommandBuffer commands = VK_NULL_HANDLE;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
  };
  struct Failed {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    Error error;
  };
  struct InFlight {
    std::uint64_t value = 0;
    VkCommandBuffer commands = VK_NULL_HANDLE;
  };

  const DeviceApi& api_;
  VkDevice device_;
  const DeviceQueue queue_;
  std::mutex& submitting_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkSemaphore timeline_ = VK_NULL_HANDLE;
  std::vector<InFlight> buffers_;  // all that were ever made; free ones have a value that is past
  std::optional<Open> open_;
  std::vector<VkSemaphore> behind_;  // what the next submission waits for, with the values
  std::vector<std::uint64_t> behind_values_;
  std::vector<Failed> failed_;
  std::optional<Error> lost_;        // the device, and with it all that was not reached
  std::uint64_t last_recorded_ = 0;  // before open_
  std::uint64_t last_submitted_ = 0;
  std::uint64_t reached_ = 0;  // at least, by the timeline
  BackendCounters counters_;
};

}  // namespace tepui::vulkan

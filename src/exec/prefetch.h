// SPDX-License-Identifier: MIT
// A thread that loads weights while the run computes, through the backend's companion: on a device
// they are copied and packed beside what it computes. Where a backend takes calls from one thread
// only, the system reads them ahead, and packing waits.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "exec/weight_loader.h"

namespace tepui {

class Prefetch {
 public:
  // A matrix and the buffer that it is packed into, which must live until finish().
  struct Item {
    const BoundWeight* weight;
    const Buffer* to;
  };

  Prefetch(const Backend& backend, int threads);
  ~Prefetch();
  Prefetch(const Prefetch&) = delete;
  Prefetch& operator=(const Prefetch&) = delete;

  bool can_pack() const { return packs_; }
  bool busy() const { return busy_; }
  // The items are written behind `after`, work of the backend that still reads their buffers.
  // `ahead` is what will be loaded after the items, by whoever calls. Not while busy().
  void start(std::vector<Item> items, bool check, std::vector<const TensorRef*> ahead,
             Ticket after);
  // Waits for what was started; the first error.
  Status finish();
  // Of all that finished.
  std::uint64_t bytes_read() const { return bytes_read_; }
  const BackendCounters& counters() const { return counters_; }

 private:
  void work();

  std::unique_ptr<Backend> backend_;
  const bool packs_;
  ThreadPool pool_;
  std::optional<WeightLoader> loader_;
  bool busy_ = false;  // of the caller's thread
  std::uint64_t bytes_read_ = 0;
  BackendCounters counters_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Item> items_;
  std::vector<const TensorRef*> ahead_;
  bool check_ = false;
  Ticket after_;
  bool working_ = false;
  bool stop_ = false;
  Status status_;
  std::thread thread_;
};

}  // namespace tepui

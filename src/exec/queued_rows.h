// SPDX-License-Identifier: MIT
// A thread of its own for a consumer of rows that waits for something else than this process (a
// disk, a pipe), so that the run goes on meanwhile. Not for consumers that use the run's backend:
// calls to a backend come from one thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "exec/row_stream.h"

namespace tepui {

class QueuedRows final : public RowConsumer {
 public:
  // At most `capacity` bytes of rows wait or are being taken; a block that is larger waits alone.
  // take() blocks while there is no room.
  QueuedRows(RowConsumer& to, std::size_t capacity);
  ~QueuedRows() override;  // after everything that was taken has been handed on, or has failed
  QueuedRows(const QueuedRows&) = delete;
  QueuedRows& operator=(const QueuedRows&) = delete;

  // Each fails with the consumer's first error, which may stem from an earlier block.
  Status begin_unit(int first_sequence, int last_sequence) override;
  Status take(const RowBlock& block) override;
  Status end_unit() override;  // waits until all is handed on

  std::size_t most_bytes() const;  // that were held at once, so far

 private:
  struct Held {
    RowBlock block;  // its spans are replaced by those of the copies
    std::vector<int> lengths;
    std::vector<float> rows;
    std::size_t bytes() const { return rows.size() * sizeof(float); }
  };
  void work();
  Status hand_on(const Held& held);
  Status idle(std::unique_lock<std::mutex>& lock);  // waits until nothing is held

  RowConsumer& to_;
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Held> queue_;  // the front one is being taken
  std::size_t bytes_ = 0;
  std::size_t most_bytes_ = 0;
  std::optional<Error> error_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace tepui
